import { join } from 'node:path'
import { expect, it } from 'vitest'
import { until } from '../../../test/until.ts'
import { appOn, commandLine, commandLineUntil, scratchFolder } from './command.ts'

const actor = { type: 'service', id: 'nightly' } as const

it('projects once what an app left to it', async () => {
  const folder = await scratchFolder()
  const filename = join(folder.path, 'app.db.throughline.db')
  const app = appOn(filename, { project: false })
  try {
    for (let i = 0; i < 5; i++) {
      await app.run({ tenant: 'acme', actor }, () => app.audit.record({ action: 'report.shared' }))
    }
    expect((await app.health()).journal.backlog?.rows).toBeGreaterThan(0)
    const { code, stdout, stderr } = await commandLine('worker', '--file', filename, '--once')
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/\d+ records projected, nothing waits/)
    expect((await app.health()).journal.backlog?.rows).toBe(0)
    const page = await app.run({ tenant: 'acme', actor }, () =>
      app.audit.list({ action: 'report.shared', consistency: 'projected' }),
    )
    expect(page.events).toHaveLength(5)
  } finally {
    await app.close()
    await folder.remove()
  }
})

it('goes on projecting until it is stopped, and gives its leases back', async () => {
  const folder = await scratchFolder()
  const filename = join(folder.path, 'app.db.throughline.db')
  const app = appOn(filename, { project: false })
  let stop = (): void => {}
  try {
    await app.ready()
    const worker = commandLineUntil(
      new Promise((resolve) => {
        stop = resolve
      }),
      'worker',
      '--file',
      filename,
    )
    for (let i = 0; i < 3; i++) {
      await app.run({ tenant: 'acme', actor }, () => app.audit.record({ action: 'report.shared' }))
      await until(async () => (await app.health()).journal.backlog?.rows === 0, { what: 'an empty journal' })
    }
    stop()
    expect(await worker).toMatchObject({ code: 0, stderr: '' })
    const { stdout } = await commandLine('status', '--file', filename)
    expect(stdout).toMatch(/lane 0 +free/)
  } finally {
    stop()
    await app.close()
    await folder.remove()
  }
})

it('says which file is not there, and makes none', async () => {
  const folder = await scratchFolder()
  const { code, stderr } = await commandLine('worker', '--file', join(folder.path, 'none.db'))
  expect(code).toBe(2)
  expect(stderr).toMatch(/There is no file/)
  await folder.remove()
})
