import { spawn } from 'node:child_process'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const SERVER = fileURLToPath(new URL('../src/server.ts', import.meta.url))

it('says in one line that its port is taken, and how to choose another one', async () => {
  const other = createServer().listen(0, '127.0.0.1')
  try {
    await once(other, 'listening')
    const { port } = other.address() as AddressInfo
    const child = spawn(process.execPath, ['--conditions=source', SERVER], {
      env: { ...process.env, PORT: String(port) },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const [out, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
    expect(errors).toBe(`Port ${port} is taken. Choose another one: PORT=${port + 1} npm start\n`)
    expect(out).toBe('')
    expect(code).toBe(1)
  } finally {
    other.close()
    await once(other, 'close')
  }
})
