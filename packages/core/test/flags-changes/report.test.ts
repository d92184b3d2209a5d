import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { FaultyRecords } from '../../../../test/faulty-records.ts'
import { memoryStorage } from '../../src/storage/index.ts'
import { OperatedApp, START } from './operated-app.ts'

const DAY = 86_400_000

let records: FaultyRecords
let here: OperatedApp
let there: OperatedApp

beforeEach(async () => {
  const storage = memoryStorage()
  records = new FaultyRecords(storage.records)
  here = new OperatedApp({ ...storage, records })
  there = new OperatedApp(storage, here.clock)
  await here.tenants(['acme', 'globex'])
})
afterEach(async () => {
  records.heal()
  await Promise.all([here.close(), there.close()])
})

const report = async (days = 30) => {
  const flags = await here.flags.report({ days })
  return Object.fromEntries(flags.map(({ key, ...use }) => [key, use]))
}

describe('report', () => {
  it('tells flags that nobody evaluates, and flags that serve everybody the same, from those in use', async () => {
    await here.evaluate('acme', 'exports')
    await here.evaluate('acme', 'layout')
    await here.flags.override('globex', 'layout', 'wide')
    await here.evaluate('globex', 'layout')
    expect(await report()).toEqual({
      exports: {
        state: 'in_use',
        archived: false,
        firstEvaluatedOn: '2026-11-24',
        lastEvaluatedOn: '2026-11-24',
        variants: ['off'],
      },
      reports: { state: 'never_evaluated', archived: false, variants: [] },
      layout: {
        state: 'in_use',
        archived: false,
        firstEvaluatedOn: '2026-11-24',
        lastEvaluatedOn: '2026-11-24',
        variants: ['narrow', 'wide'],
      },
    })
    here.clock.time = START + 30 * DAY
    await here.evaluate('acme', 'exports')
    await here.flags.archive('reports')
    expect(await report()).toMatchObject({
      exports: { state: 'one_variant', firstEvaluatedOn: '2026-11-24', lastEvaluatedOn: '2026-12-24' },
      reports: { state: 'never_evaluated', archived: true },
      layout: { state: 'not_evaluated', lastEvaluatedOn: '2026-11-24', variants: [] },
    })
    expect(await report(31)).toMatchObject({ exports: { state: 'in_use' }, layout: { state: 'in_use' } })
  })

  it('has what other processes served, once they have written it', async () => {
    await there.evaluate('acme', 'exports')
    await there.flags.report()
    here.clock.time = START + 2 * DAY
    await here.evaluate('acme', 'exports')
    expect((await report()).exports).toMatchObject({ firstEvaluatedOn: '2026-11-24', lastEvaluatedOn: '2026-11-26' })
  })

  it('writes a variant once a day, however often it is served, and lets no other process look again', async () => {
    const commits = () => records.calls.get('commit') ?? 0
    await here.evaluate('acme', 'exports')
    await report()
    const before = commits()
    for (let i = 0; i < 10; i++) await here.evaluate(i % 2 ? 'acme' : 'globex', 'exports')
    await report()
    expect(commits()).toBe(before)
    const version = async () => (await records.read({ tenant: '$platform', kinds: ['flags'] })).version
    const was = await version()
    here.clock.time += DAY
    await here.evaluate('acme', 'exports')
    await report()
    expect(commits()).toBe(before + 1)
    expect(await version()).toBe(was)
  })

  it('loses nothing that could not be written, and what is left is written at the end', async () => {
    await here.evaluate('acme', 'exports')
    records.break('fail', 'commit')
    await expect(report()).rejects.toMatchObject({ code: 'OUTCOME_UNKNOWN' })
    records.heal()
    await here.evaluate('acme', 'layout')
    await here.close()
    const flags = await there.flags.report()
    expect(flags.filter(({ state }) => state === 'in_use').map(({ key }) => key)).toEqual(['exports', 'layout'])
  })

  it('names the flags that ask one as a prerequisite: that nobody evaluates it does not make it needless', async () => {
    const exports = async () => (await report())['exports']
    expect(await exports()).not.toHaveProperty('neededBy')
    await here.flags.define('reports', { default: false, prerequisites: [{ flag: 'exports', is: true }] })
    expect(await exports()).toMatchObject({ state: 'never_evaluated', neededBy: ['reports'] })
    await here.flags.archive('reports')
    expect(await exports()).not.toHaveProperty('neededBy')
  })

  it('asks for a number of days', async () => {
    for (const days of [0, 1.5, Number.NaN, 4_000]) {
      await expect(report(days)).rejects.toMatchObject({ code: 'QUERY_INVALID' })
    }
    for (const options of [{ day: 7 }, null]) {
      await expect(here.flags.report(options as never)).rejects.toMatchObject({ code: 'FLAG_INVALID' })
    }
  })
})
