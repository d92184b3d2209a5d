import { afterAll, describe, expect, it } from 'vitest'
import { flagProblems } from '../../src/catalog/flag-problems.ts'
import { createThroughline } from '../../src/index.ts'

const metadata = { owner: 'billing', ticket: 12, reviewed: true }
const throughline = createThroughline({ flags: { invoices: { default: true, metadata }, plain: { default: true } } })
afterAll(() => throughline.close())

const as = <R>(fn: () => Promise<R> | R) => throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, fn)

describe('metadata of a flag', () => {
  it('comes with every evaluation, and can not be changed', async () => {
    const evaluation = await as(() => throughline.flags.evaluate('invoices'))
    expect(evaluation.metadata).toEqual(metadata)
    expect(Object.isFrozen(evaluation.metadata)).toBe(true)
    expect(await as(() => throughline.flags.evaluate('plain'))).not.toHaveProperty('metadata')
  })

  it('is on no record', async () => {
    await as(() => throughline.flags.isEnabled('invoices'))
    const { events } = await as(() => throughline.audit.list({ action: 'flag.evaluated' }))
    expect(events.length).toBeGreaterThan(0)
    expect(JSON.stringify(events)).not.toContain('billing')
  })

  it.each([
    ['a list', [], 'flag.metadata: must be names with values, not'],
    ['nothing', null, 'flag.metadata: must be names with values, not'],
    ['an object in it', { owner: { name: 'ada' } }, 'flag.metadata.owner: must be a text, a number or a boolean, not'],
    ['no number', { weight: Number.NaN }, 'flag.metadata.weight: must be a text, a number or a boolean, not'],
    [
      'a name of prototypes',
      JSON.parse('{ "__proto__": "x" }'),
      'flag.metadata.__proto__: is a name that is not allowed.',
    ],
    ['a long text', { note: 'x'.repeat(1_001) }, 'flag.metadata.note: must have at most 1000 characters.'],
    ['a long name', { ['x'.repeat(1_001)]: 1 }, 'flag.metadata: must have names of at most 1000 characters.'],
    [
      'many members',
      Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`m${i}`, i])),
      'flag.metadata: must have at most 50 members.',
    ],
  ])('is refused with its path: %s', (_, refused, problem) => {
    const problems = flagProblems({ default: true, metadata: refused }, 'flag')
    expect(problems.map(({ path, message }) => `${path}: ${message}`)).toEqual([expect.stringContaining(problem)])
  })
})
