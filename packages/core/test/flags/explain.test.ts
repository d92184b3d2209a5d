import { describe, expect, it } from 'vitest'
import { createTestThroughline } from '../../src/testing/index.ts'

const ROWS = new Map<string, { id: string; plan: string; region?: string }>([
  ['acme', { id: 'acme', plan: 'pro', region: 'eu' }],
  ['globex', { id: 'globex', plan: 'free' }],
])

function open() {
  return createTestThroughline({
    tenants: { load: (id: string) => ROWS.get(id) },
    plans: { pro: { features: ['exports'] }, free: {} },
    segments: { eu: { 'org.region': 'eu' } },
    flags: {
      exports: { default: false },
      off: { enabled: false, rules: [{ serve: true }], default: false },
      base: { rules: [{ if: { 'org.plan': 'pro' }, serve: true }], default: false },
      reports: {
        prerequisites: [{ flag: 'base', is: true }],
        rules: [
          { id: 'us', if: { 'org.plan': 'pro', or: [{ 'org.region': 'us' }, { 'context.beta': true }] }, serve: true },
          { id: 'none', if: { segment: 'eu' }, rollout: { percent: 0 }, serve: true },
          { id: 'late', from: '2100-01-01', serve: true },
          { id: 'layer', layer: { name: 'l', from: 0, to: 100 }, serve: true },
        ],
        default: false,
      },
      theme: {
        variants: { a: 1, b: 2 },
        rules: [{ rollout: { percent: 100, by: 'actor' }, serve: { a: 1, b: 1 } }],
        default: 'a',
      },
    },
  })
}

describe('explain', () => {
  it('names each step, what was seen, and the bucket', async () => {
    const throughline = open()
    await throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, () => {
      const { evaluation, steps } = throughline.flags.explain('reports')
      expect(evaluation).toEqual({ value: true, variant: 'on', reason: 'SPLIT', rule: 'layer' })
      expect(steps).toEqual([
        { step: 'switch', decided: false, enabled: true },
        { step: 'override', decided: false },
        { step: 'plan', decided: false },
        { step: 'prerequisite', decided: false, flag: 'base', is: true, variant: 'on' },
        {
          step: 'rule',
          decided: false,
          rule: 'us',
          checks: [
            {
              path: 'if',
              holds: false,
              checks: [
                { path: 'if["org.plan"]', holds: true, condition: 'pro', value: 'pro' },
                {
                  path: 'if.or',
                  holds: false,
                  checks: [
                    { path: 'if.or.0["org.region"]', holds: false, condition: 'us', value: 'eu' },
                    { path: 'if.or.1["context.beta"]', holds: false, condition: true, value: undefined },
                  ],
                },
              ],
            },
          ],
        },
        {
          step: 'rule',
          decided: false,
          rule: 'none',
          checks: [
            {
              path: 'if.segment',
              holds: true,
              checks: [{ path: 'segments.eu["org.region"]', holds: true, condition: 'eu', value: 'eu' }],
            },
            { path: 'rollout', holds: false, bucket: expect.any(Number), threshold: 0 },
          ],
        },
        {
          step: 'rule',
          decided: false,
          rule: 'late',
          checks: [{ path: 'from', holds: false, value: expect.stringMatching(/^\d{4}-.*Z$/) }],
        },
        {
          step: 'rule',
          decided: true,
          rule: 'layer',
          checks: [{ path: 'layer', holds: true, bucket: expect.any(Number), threshold: 100_000 }],
        },
      ])
      expect(throughline.flags.explain('reports', { attributes: { beta: true } }).evaluation.rule).toBe('us')
    })
    await throughline.close()
  })

  it('ends with what decided: switch, override, plan, prerequisite, default', async () => {
    const throughline = open()
    const last = (key: 'exports' | 'off' | 'reports' | 'base') => throughline.flags.explain(key).steps.at(-1)
    await throughline.run({ tenant: 'globex', actor: { id: 'ada' } }, () => {
      expect(last('off')).toEqual({ step: 'switch', decided: true, enabled: false })
      expect(last('reports')).toEqual({ step: 'prerequisite', decided: true, flag: 'base', is: true, variant: 'off' })
      expect(last('base')).toEqual({ step: 'default', decided: true })
    })
    await throughline.platform.run({ actor: { id: 'sam' }, reason: 'T-1' }, (platform) =>
      platform.flags.override('globex', 'reports', true),
    )
    await throughline.run({ tenant: 'globex', actor: { id: 'ada' } }, () =>
      expect(last('reports')).toEqual({ step: 'override', decided: true, value: true }),
    )
    await throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, () =>
      expect(last('exports')).toEqual({ step: 'plan', decided: true, value: true }),
    )
    await throughline.close()
  })

  it('shows weights, and who can not be drawn', async () => {
    const throughline = open()
    await throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, () =>
      expect(throughline.flags.explain('theme').steps.at(-1)).toMatchObject({
        step: 'rule',
        weights: { at: expect.any(Number), of: 2 },
      }),
    )
    await throughline.run({ tenant: 'acme', actor: { id: 'anonymous' } }, () => {
      const { evaluation, steps } = throughline.flags.explain('theme')
      expect(evaluation.reason).toBe('TARGETING_KEY_MISSING')
      expect(steps.at(-2)).toMatchObject({ step: 'rule', checks: [{ path: 'rollout', holds: false, keyless: true }] })
    })
    await throughline.close()
  })

  it('comes to the same end where something can not be read, needed or not', async () => {
    const throughline = createTestThroughline({
      flags: {
        f: {
          rules: [
            { id: 'one', if: { 'context.a': 'x', 'context.lazy.b': 1 }, serve: false },
            { id: 'two', if: { or: [{ 'context.a': 'y' }, { 'context.lazy.b': 1 }] }, serve: true },
          ],
          default: false,
        },
      },
    })
    const lazy = Object.defineProperty({}, 'b', {
      get() {
        throw new Error('The database does not answer.')
      },
    })
    const explain = (a: string) => throughline.flags.explain('f', { attributes: { a, lazy } })
    await throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, () => {
      expect(explain('x').evaluation.reason).toBe('ERROR')
      expect(explain('x').steps.slice(-2)).toMatchObject([{ step: 'plan' }, { step: 'default', decided: true }])
      expect(explain('y').evaluation.rule).toBe('two')
      expect(explain('y').steps.slice(-2)).toMatchObject([
        { rule: 'one', decided: false, checks: [{ holds: false, checks: [{ holds: false }, { holds: false }] }] },
        { rule: 'two', decided: true, checks: [{ holds: true, checks: [{ holds: true }, { holds: false }] }] },
      ])
      expect(explain('z').evaluation.reason).toBe('ERROR')
      expect(explain('z').steps.slice(-2)).toMatchObject([{ rule: 'one' }, { step: 'default', decided: true }])
    })
    await throughline.close()
  })

  it('records nothing', async () => {
    const throughline = open()
    await throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, () => {
      throughline.flags.explain('reports')
      throughline.flags.isEnabled('base')
    })
    await throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, async () => {
      const { events } = await throughline.audit.list({ last: '1d' })
      const evaluated = events.filter(({ action }) => action === 'flag.evaluated')
      expect(evaluated.map(({ targets }) => targets[0]?.id)).toEqual(['base'])
    })
    await throughline.close()
  })
})

describe('time', () => {
  it('stands still for the rules while a context is open, and goes on when it looks again', async () => {
    const throughline = createTestThroughline({
      tenants: { load: (id: string) => ({ id }) },
      flags: { f: { rules: [{ until: '2027-01-01', serve: true }], default: false } },
    })
    throughline.clock.set('2026-12-31T23:59:59Z')
    await throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, () => {
      const before = throughline.flags.isEnabled('f')
      throughline.clock.advance(10_000)
      expect([before, throughline.flags.isEnabled('f')]).toEqual([true, true])
    })
    await throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, () =>
      expect(throughline.flags.isEnabled('f')).toBe(false),
    )
    await throughline.close()
  })
})
