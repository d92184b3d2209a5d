import fc from 'fast-check'
import { afterAll, describe, expect, it } from 'vitest'
import { ReportedEvaluations } from '../../src/audit/reported-evaluation.ts'
import { SeenFlags } from '../../src/flags/changes/seen-flags.ts'
import { createThroughline } from '../../src/index.ts'
import { CountedDecisions } from '../../src/telemetry/decision-counter.ts'

const throughline = createThroughline({ flags: { menu: { rules: [], default: true } } })
afterAll(() => throughline.close())

const as = <R>(tenant: string, fn: () => Promise<R> | R) => throughline.run({ tenant, actor: { id: 'ada' } }, fn)

describe('audit.flagEvaluated', () => {
  it('counts equal evaluations as one event, beside our own of the same key', async () => {
    await as('acme', () => {
      for (let i = 0; i < 5; i++) {
        throughline.audit.flagEvaluated({ flag: 'menu', provider: 'other', value: 'a', variant: 'A', reason: 'SPLIT' })
      }
      throughline.audit.flagEvaluated({ flag: 'menu', provider: 'third', value: 'a' })
      throughline.flags.isEnabled('menu')
    })
    const { events } = await as('acme', () => throughline.audit.list({ action: 'flag.evaluated' }))
    const seen = events.map(({ count, metadata }) => ({ count, provider: metadata?.provider }))
    expect(seen).toHaveLength(3)
    expect(seen).toEqual(
      expect.arrayContaining([
        { count: 5, provider: 'other' },
        { count: 1, provider: 'third' },
        { count: 1, provider: undefined },
      ]),
    )
  })

  it('belongs to a tenant', () => {
    expect(() => throughline.audit.flagEvaluated({ flag: 'menu', provider: 'other' })).toThrow('TENANT_REQUIRED')
  })
})

describe('reported evaluations', () => {
  it('are one template while they are equal', () => {
    const reported = new ReportedEvaluations()
    const once = reported.template({ flag: 'a', provider: 'p', value: 1 })
    expect(reported.template({ flag: 'a', provider: 'p', value: 1 })).toBe(once)
    expect(reported.template({ flag: 'a', provider: 'p', value: '1' })).not.toBe(once)
  })

  it('are bounded in number', () => {
    const reported = new ReportedEvaluations()
    for (let i = 0; i < 5_000; i++) reported.template({ flag: `flag-${i}`, provider: 'p' })
    expect(reported.size).toBeLessThanOrEqual(2_000)
  })

  it('are bounded in size and valid JSON, whatever is reported', () => {
    const reported = new ReportedEvaluations()
    const text = fc.oneof(fc.string({ maxLength: 400 }), fc.constant('\ud83d'.repeat(300)))
    const optional = fc.option(text, { nil: undefined })
    const evaluations = fc.record({
      flag: text,
      provider: text,
      value: fc.anything({ maxDepth: 1 }),
      variant: optional,
      reason: optional,
      errorCode: optional,
    })
    fc.assert(
      fc.property(evaluations, (evaluation) => {
        const { open } = reported.template(evaluation)
        expect(open.length).toBeLessThan(5_000)
        const { action, metadata } = JSON.parse(`${open}}`)
        expect(action).toBe('flag.evaluated')
        for (const value of Object.values(metadata)) expect(typeof value).not.toBe('object')
      }),
      { numRuns: 50 },
    )
  })

  it('are no evaluations of ours: neither for the report on stale flags nor among our decisions', async () => {
    const template = new ReportedEvaluations().template({ flag: 'menu', provider: 'p', variant: 'on' })
    const written: unknown[] = []
    const seen = new SeenFlags({
      read: async () => ({ documents: [], version: 0 }),
      write: async (writes) => void written.push(writes),
      now: () => 0,
      onFailure: (error) => written.push(error),
    })
    seen.folded(template, 0)
    await seen.flush()
    new CountedDecisions({ add: (...counted) => void written.push(counted) }).folded(template, 1)
    expect(written).toEqual([])
  })
})
