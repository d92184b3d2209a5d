import { mkdtemp, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TimelineEvent } from '@throughline/core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { appOn, commandLine, scratchFolder, throughline } from './command.ts'

let folder: Awaited<ReturnType<typeof scratchFolder>>
let file: string
/** What the app itself answers, newest first. */
let asked: readonly TimelineEvent[]

beforeAll(async () => {
  folder = await scratchFolder()
  file = join(folder.path, 'records.db')
  const app = appOn(file)
  await app.run({ tenant: 'acme', actor: { id: 'ada', name: 'Ada' } }, async () => {
    await app.limits.consume('api')
    await app.limits.consume('api')
    await app.audit.record({ action: 'report.shared', targets: [{ type: 'report', id: '7\u001b[2J' }] })
  })
  await app.run({ tenant: 'acme', actor: { id: 'bob' } }, () => app.audit.record({ action: 'report.shared' }))
  await app.run({ tenant: 'globex', actor: { id: 'eve' } }, () => app.audit.record({ action: 'secret.read' }))
  asked = await app.run({ tenant: 'acme', actor: { id: 'ada' } }, async () => (await app.audit.list({})).events)
  await app.close()
  const later = appOn(file, { project: false })
  await later.run({ tenant: 'acme', actor: { id: 'cy' } }, () => later.audit.record({ action: 'report.printed' }))
  await later.close()
})

afterAll(() => folder.remove())

describe('throughline timeline', () => {
  it('prints a tenant’s events as JSON lines, as audit.list gives them, and no other tenant’s', async () => {
    const { code, stdout, stderr } = await throughline('timeline', '--file', file, '--tenant', 'acme', '--json')
    const events = linesOf(stdout)
    expect(asked.length).toBeGreaterThanOrEqual(5)
    const known = new Map(asked.map((event) => [event.id, event]))
    expect(events.filter(({ id }) => known.has(id)).sort(byId)).toEqual([...asked].sort(byId))
    expect(events.map(({ action }) => action)).not.toContain('secret.read')
    const times = events.map(({ occurredAt }) => occurredAt)
    expect(times).toEqual([...times].sort().reverse())
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  })

  it('shows what is not yet projected, without a sequence number', async () => {
    const { stdout } = await commandLine(
      'timeline',
      '--url',
      `sqlite:${file}`,
      '--tenant',
      'acme',
      '--actor',
      'cy',
      '--json',
    )
    const events = linesOf(stdout)
    expect(events.map(({ action }) => action).sort()).toEqual(['report.printed', 'run.completed'])
    expect(events.every((event) => !('seq' in event))).toBe(true)
  })

  it('filters by actions, actor and time', async () => {
    const ask = async (...args: readonly string[]) =>
      linesOf((await commandLine('timeline', '--file', file, '--tenant', 'acme', '--json', ...args)).stdout)
    const [shared, both, bobs, none] = await Promise.all([
      ask('--action', 'report.shared'),
      ask('--action', 'report.shared', 'limit.refused'),
      ask('--action', 'report.shared', '--actor', 'bob'),
      ask('--last', '0s'),
    ])
    expect(shared?.map(({ actor }) => actor.id).sort()).toEqual(['ada', 'bob'])
    expect(both?.map(({ action }) => action).sort()).toEqual(['limit.refused', 'report.shared', 'report.shared'])
    expect(bobs?.map(({ actor }) => actor.id)).toEqual(['bob'])
    expect(none).toEqual([])
  })

  it('prints a table that says what happened, and keeps foreign text from steering the terminal', async () => {
    const { code, stdout } = await throughline('timeline', '--file', file, '--tenant', 'acme')
    expect(code).toBe(0)
    expect(stdout).toMatch(/time \(UTC\).*action.*outcome.*actor/)
    expect(stdout).toMatch(/limit\.refused.*refused.*ada.*limit api/)
    expect(stdout).toContain('report 7\ufffd[2J')
    expect(stdout).not.toContain('\u001b')
  })

  it('says when there are more events than it was asked for, and when there is none', async () => {
    const [two, nobody] = await Promise.all([
      commandLine('timeline', '--file', file, '--tenant', 'acme', '--limit', '2', '--json'),
      commandLine('timeline', '--file', file, '--tenant', 'nobody', '--last', '12h'),
    ])
    expect(linesOf(two.stdout)).toHaveLength(2)
    expect(two.stderr).toContain('--limit')
    expect(nobody).toEqual({ code: 0, stdout: 'No such events of nobody in the last 12h.\n', stderr: '' })
  })

  it('shows the operator’s trail as $platform', async () => {
    const { code, stdout } = await commandLine('timeline', '--file', file, '--tenant', '$platform', '--json')
    expect(code).toBe(0)
    expect(linesOf(stdout).map(({ action }) => action)).not.toContain('report.shared')
  })

  it('creates nothing, neither where there is no file nor beside the one that there is', async () => {
    const empty = await mkdtemp(join(folder.path, 'empty-'))
    const before = await readdir(folder.path)
    const [missing, found] = await Promise.all([
      throughline('timeline', '--file', join(empty, 'none.db'), '--tenant', 'acme'),
      throughline('timeline', '--file', file, '--tenant', 'acme'),
    ])
    expect(missing).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('There is no file') })
    expect(found.code).toBe(0)
    expect(await readdir(empty)).toEqual([])
    expect(await readdir(folder.path)).toEqual(before)
  })

  it.each([
    ['a span that is none', ['--last', 'month'], 'like 30d'],
    ['a limit of 0', ['--limit', '0'], 'a whole number from 1'],
    ['a limit that is too high for a table', ['--limit', '1001'], 'to 1000; --json prints up to 100000'],
    ['a limit that is too high', ['--limit', '100001', '--json'], 'to 100000.'],
    ['a tenant that is left out', ['--tenant'], 'argument missing'],
    ['an empty tenant', ['--tenant', ''], 'Name the tenant'],
  ])('refuses %s', async (_, args, said) => {
    const { code, stderr } = await commandLine('timeline', '--file', file, '--tenant', 'acme', ...args)
    expect(code).toBe(2)
    expect(stderr).toContain(said)
  })
})

function linesOf(stdout: string): TimelineEvent[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : 1
}
