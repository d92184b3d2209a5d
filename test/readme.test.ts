import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { codeBlocks, readPage, startProgram } from './markdown.ts'

const readme = await readPage('README.md')
const blocks = codeBlocks(readme)
const program = blocks.find(({ language }) => language === 'ts')
const calls = readCalls(blocks.find(({ code }) => code.startsWith('curl'))?.code ?? '')

let child: ChildProcess
let port: number

beforeAll(async () => {
  port = await freePort()
  child = startProgram((program?.code ?? '').replace('3000', String(port)))
  await untilListening(port, 20_000)
}, 30_000)

afterAll(async () => {
  child.kill()
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
})

describe('the README', () => {
  it('shows its first program at once, and keeps it short', () => {
    expect(program?.line).toBeLessThanOrEqual(15)
    expect(program?.code.trimEnd().split('\n').length).toBeLessThanOrEqual(20)
  })

  it('answers its four curl lines as it says', async () => {
    expect(calls).toHaveLength(4)
    for (const { url, headers, status, body } of calls) {
      const answer = await fetch(url.replace('localhost:3000', `127.0.0.1:${port}`), { headers })
      expect(answer.status).toBe(status)
      expect(await answer.json()).toMatchObject(body)
    }
  })

  it('names commands that exist', async () => {
    const { scripts } = JSON.parse(await readPage('package.json')) as { scripts: Record<string, string> }
    const named = Array.from(readme.matchAll(/npm (?:run )?(demo|start|test|\w+:\w+)\b/g), ([, name = '']) => name)
    expect(new Set(named)).toEqual(new Set(['demo', 'start', 'test']))
    for (const name of named) expect(scripts).toHaveProperty(name)
  })
})

interface Call {
  readonly url: string
  readonly headers: Record<string, string>
  readonly status: number
  readonly body: object
}

/** Reads curl lines, each with the answer below it as comments. */
function readCalls(shell: string): readonly Call[] {
  return shell
    .trim()
    .split('\n\n')
    .map((paragraph) => {
      const [command = '', ...comments] = paragraph.split('\n')
      const headers = Array.from(command.matchAll(/-H '([^:']+): ([^']+)'/g), ([, name = '', value = '']) => [
        name,
        value,
      ])
      const url = /(http:\S+)$/.exec(command)?.[1] ?? ''
      const [, status, json = ''] = /^(\d{3}) (.*)$/s.exec(comments.map((line) => line.slice(2)).join('\n')) ?? []
      return { url, headers: Object.fromEntries(headers), status: Number(status), body: shown(JSON.parse(json)) }
    })
}

/** How long until a limit has units again depends on the moment. */
function shown(body: Record<string, unknown>): object {
  return 'retryAfter' in body ? { ...body, retryAfter: expect.any(Number) } : body
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0)
  await once(server, 'listening')
  const { port: free } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return free
}

async function untilListening(at: number, withinMs: number): Promise<void> {
  const deadline = performance.now() + withinMs
  for (;;) {
    try {
      await fetch(`http://127.0.0.1:${at}/`)
      return
    } catch (error) {
      if (performance.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
  }
}
