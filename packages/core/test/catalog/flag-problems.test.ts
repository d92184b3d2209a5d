import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { flagProblems, validateCatalog } from '../../src/catalog/index.ts'
import { createThroughline } from '../../src/index.ts'

const said = (problems: readonly { path: string; message: string }[]): string[] =>
  problems.map(({ path, message }) => `${path}: ${message}`)
const ruleProblems = (rule: object): string[] =>
  said(flagProblems({ rules: [{ serve: true, ...rule }], default: false }))

describe('flagProblems', () => {
  it('knows all that a flag may say', () => {
    const flags = {
      base: { default: true },
      size: {
        variants: { small: 1, large: 2 },
        seed: 'shared',
        algorithm: 1,
        prerequisites: [{ flag: 'base', is: true }],
        rules: [
          {
            id: 'a',
            if: {
              segment: ['eu', 'big'],
              and: [{ not: { 'actor.id': 'x' } }],
              or: [{ 'request.ip': { cidr: '::1' } }],
            },
            rings: [
              { name: 'in', if: { 'org.id': 'x' } },
              { name: 'out', if: { segment: 'eu' } },
            ],
            upTo: 'out',
            from: '2026-01-01',
            until: '2026-02-01T10:00:00+01:00',
            layer: { name: 'l', from: 0, to: 12.5, by: 'actor' },
            rollout: { exactly: 40, seed: 's' },
            serve: { small: 1, large: 0.5 },
          },
          {
            if: { 'context.v': { semver: '>=1 <3', matches: '^1' }, 'org.created_at': { after: { ago: '14d' } } },
            serve: 'large',
          },
        ],
        default: 'small',
      },
    }
    const segments = { eu: { 'org.region': 'eu' }, big: { segment: 'eu', 'org.seats': { gt: 5 } } }
    expect(said(validateCatalog({ segments, flags }, { tenantsListed: true }))).toEqual([])
    expect(said(validateCatalog({ segments, flags }))).toEqual([])
    expect(said(validateCatalog({ segments, flags }, { tenantsListed: false }))).toEqual([
      expect.stringContaining('flags.size.rules.0.rollout.exactly: must have tenants that can be counted'),
    ])
  })

  it('tells what is wrong with a rule, and where', () => {
    const wrong = {
      id: 'plan:pro',
      rings: [
        { name: 'a', if: {} },
        { name: 'a', if: { 'org.x': { cidr: '10.0.0.0/33' } } },
      ],
      upTo: 'b',
      from: '2026-03-01T10:00',
      until: '2026-02-30',
      layer: { name: '', from: 50, to: 20, by: 'user' },
      rollout: { exactly: -1, by: 'actor' },
    }
    expect(ruleProblems(wrong)).toMatchInlineSnapshot(`
      [
        "rules.0.id: is a name that is not allowed: "plan:pro".",
        "rules.0.rings.1.name: is the name of two rings: "a".",
        "rules.0.rings.1.if["org.x"].cidr: must be a block of addresses, such as "10.0.0.0/8", not "10.0.0.0/33".",
        "rules.0.upTo: must name a ring, not "b". Did you mean "a"?",
        "rules.0.from: must be an ISO 8601 date, or a time with its zone, not "2026-03-01T10:00".",
        "rules.0.until: must be an ISO 8601 date, or a time with its zone, not "2026-02-30".",
        "rules.0.layer.name: must be a text of 1 to 100 characters, not "".",
        "rules.0.layer.to: must be more than "from", by a thousandth at least.",
        "rules.0.layer.by: must be "tenant" or "actor", not "user".",
        "rules.0.rollout.by: must be left out beside "exactly".",
        "rules.0.rollout.exactly: must be a whole number from 0 to 1000000, not -1.",
      ]
    `)
    expect(
      ruleProblems({
        if: {
          'org.a': { matches: '(' },
          'org.b': { semver: 'newest' },
          'org.c': { after: { ago: '2 days' } },
          'request.url': 'x',
          and: [],
          or: {},
          segment: 5,
        },
        from: '2026-03-02',
        until: '2026-03-01',
        rollout: { percent: 5, exactly: 5 },
      }),
    ).toMatchInlineSnapshot(`
      [
        "rules.0.if["org.a"].matches: has a "(" that is not closed.",
        "rules.0.if["org.b"].semver: must be a range of versions, such as ">=1.2.0 <2", not "newest".",
        "rules.0.if["org.c"].after: must be { ago: '14d' }, a number of m, h, d or w, or an ISO 8601 time.",
        "rules.0.if["request.url"]: is no attribute of a request (request.method, request.path, request.route, request.host, request.ip, request.userAgent, request.id). Did you mean "request.ip"?",
        "rules.0.if.and: must have at least one member.",
        "rules.0.if.or: must be a list of conditions, not an object.",
        "rules.0.if.segment: must be a segment's name, not 5.",
        "rules.0.until: must be later than "from".",
        "rules.0.rollout.percent: must be left out beside "exactly".",
      ]
    `)
    const unset = { 'org.id': undefined, 'org.plan': { in: undefined }, segment: undefined, not: undefined }
    const elsewhere = 'is undefined, and would hold for everybody'
    expect(ruleProblems({ if: unset, rollout: undefined, serve: true })).toEqual([
      'rules.0.rollout: is undefined, and the rule would hold without it: leave it out if it should.',
      expect.stringContaining(`rules.0.if["org.id"]: ${elsewhere}`),
      expect.stringContaining(`rules.0.if["org.plan"].in: ${elsewhere}`),
      expect.stringContaining(`rules.0.if.segment: ${elsewhere}`),
      expect.stringContaining(`rules.0.if.not: ${elsewhere}`),
    ])
    expect(ruleProblems({ rollout: { percent: 0.0004 }, serve: true })).toEqual([
      'rules.0.rollout.percent: must be 0 or at least 0.001: less than a thousandth is nobody, not 0.0004.',
    ])
    expect(ruleProblems({ layer: { name: 'l', from: 10, to: 10.0001 }, serve: true })).toEqual([
      'rules.0.layer.to: must be more than "from", by a thousandth at least.',
    ])
    expect(ruleProblems({ layer: { name: 'l', from: 10, to: 10.001 }, serve: true })).toEqual([])
    expect(ruleProblems({ percent: 25, when: {}, iff: {}, priority: 1, serve: true })).toMatchInlineSnapshot(`
      [
        "rules.0.percent: is not known. Did you mean "rollout: { percent }"?",
        "rules.0.when: is not known. Did you mean "if"?",
        "rules.0.iff: is not known. Did you mean "if"?",
        "rules.0.priority: is not known. There are id, if, rings, upTo, from, until, layer, rollout, serve.",
      ]
    `)
    const bare = {
      plan: 'pro',
      roles: 'admin',
      ip: '10.0.0.1',
      segmnt: 'eu',
      'trial expired': 1,
      org: 1,
      'tenant.createdAt': 1,
    }
    const hints = ruleProblems({ if: bare, serve: true }).map((one) => one.split('"context.…".')[1])
    expect(hints).toEqual([
      ' Did you mean "org.plan"?',
      ' Did you mean "actor.roles"?',
      ' Did you mean "request.ip"?',
      ' Did you mean "segment"?',
      '',
      '',
      ' Did you mean "org.created_at"?',
    ])
    const twice = {
      rules: [
        { id: 'x', serve: true },
        { id: 'x', serve: false },
      ],
      default: false,
    }
    expect(said(flagProblems(twice, 'f'))).toEqual(['f.rules.1.id: is the id of two rules: "x".'])
    const byPosition = { rules: [{ id: 'rule-2', serve: true }, { serve: false }], default: false }
    expect(said(flagProblems(byPosition, 'f'))).toEqual(['f.rules.1.id: is the id of two rules: "rule-2".'])
  })

  it('tells slices of one layer that are drawn by different units', () => {
    const slice = (by?: string) => ({ layer: { name: 'l', from: 0, to: 50, ...(by && { by }) }, serve: true })
    const of = (...rules: object[]) => ({ rules, default: false })
    const complaint = 'f.rules.0.layer.by: must be "tenant", as in the other slices of the layer "l".'
    const around = { key: 'f', flags: { f: of(slice('actor')), other: of(slice()) } }
    expect(said(flagProblems(of(slice('actor')), 'f', around))).toEqual([complaint])
    expect(said(flagProblems(of(slice()), 'f', around))).toEqual([])
    expect(said(flagProblems(of(slice(), slice('actor')), 'f'))).toEqual([complaint.replace('rules.0', 'rules.1')])
    expect(said(flagProblems(of(slice('actor'), slice('actor')), 'f'))).toEqual([])
  })

  it('tells what is not plain: nothing would be read of it, and a rule without conditions holds for everybody', () => {
    class Narrowed {
      default = false
      'org.plan' = 'pro'
    }
    const none = 'must be an object, not an instance of a class.'
    expect(ruleProblems({ if: new Map([['org.plan', 'pro']]) })).toEqual([`rules.0.if: ${none}`])
    expect(ruleProblems({ if: { not: new Narrowed() } })).toEqual([`rules.0.if.not: ${none}`])
    expect(ruleProblems({ if: { 'org.plan': new Map([['eq', 'pro']]) } })).toEqual([
      'rules.0.if["org.plan"]: must be a text, number, boolean or null, not an instance of a class.',
    ])
    expect(said(flagProblems(new Narrowed(), 'f'))).toEqual([
      'f: must be a flag, { default: … }, not an instance of a class.',
    ])
    expect(said(flagProblems(Object.create({ default: true }), 'f'))).toHaveLength(1)
    expect(said(flagProblems(Object.assign(Object.create(null), { default: true }), 'f'))).toEqual([])
    expect(said(flagProblems(runInNewContext('({ rules: [{ if: {}, serve: true }], default: true })'), 'f'))).toEqual(
      [],
    )
  })

  it('tells lists with holes, and reads none that is as long as it says', () => {
    const of = (value: unknown) => said(flagProblems({ variants: { a: value }, default: 'a' }, 'f'))
    // biome-ignore lint/suspicious/noSparseArray: the hole is what is refused
    expect(of([1, , 2])).toEqual(['f.variants.a: must be JSON, not undefined.'])
    expect(of([1, [2, { b: [null] }]])).toEqual([])
    // biome-ignore lint/suspicious/noSparseArray: stored as JSON it would be null, which is whatever is missing
    expect(ruleProblems({ if: { 'org.plan': { in: ['pro', ,] } } })).toEqual([
      'rules.0.if["org.plan"].in: must be a text, number, boolean or null, not undefined.',
    ])
    expect(of(new Array(2 ** 32 - 1))).toEqual(['f.variants.a: must be JSON, not undefined.'])
  })

  it('tells weights that are none', () => {
    const serve = (weights: object) =>
      said(flagProblems({ variants: { a: 1, b: 2 }, rules: [{ serve: weights }], default: 'a' }, 'f'))
    expect(serve({ a: 1, c: 1 })).toEqual(['f.rules.0.serve.c: is not known. Did you mean "a"?'])
    expect(serve({ a: -1 })[0]).toContain('must be a number from 0')
    expect(serve({ a: 0, b: 0 })).toEqual(['f.rules.0.serve: must give weight to at least one variant.'])
    expect(serve({ a: 1_000_000, b: 1 })).toEqual([
      'f.rules.0.serve.b: must be 0 or at least a thousandth of a per cent of all weights: less is nobody.',
    ])
    expect(serve({ a: 99_999, b: 1 })).toEqual([])
    expect(ruleProblems({ serve: { on: 1 } })).toEqual(['rules.0.serve: must be true or false, not an object.'])
  })

  it('refuses prerequisites that are not there, can not be met, or lead back', () => {
    const needs = (...prerequisites: object[]) => ({ prerequisites, default: false })
    const flags = {
      a: needs({ flag: 'b', is: true }),
      b: needs({ flag: 'c', is: true }),
      c: needs({ flag: 'a', is: true }),
      self: needs({ flag: 'self', is: true }),
      lost: needs({ flag: 'aa', is: true }, { flag: 'size', is: 'larg' }, { flag: 'a', is: 'on' }, { flg: 'a' }),
      size: { variants: { small: 1, large: 2 }, default: 'small' },
    }
    expect(said(validateCatalog({ flags }))).toMatchInlineSnapshot(`
      [
        "flags.a.prerequisites: must not lead back to the flag itself: a → b → c → a.",
        "flags.b.prerequisites: must not lead back to the flag itself: b → c → a → b.",
        "flags.c.prerequisites: must not lead back to the flag itself: c → a → b → c.",
        "flags.self.prerequisites: must not lead back to the flag itself: self → self.",
        "flags.lost.prerequisites.0.flag: names no flag, "aa". Did you mean "a"?",
        "flags.lost.prerequisites.1.is: must name a variant of "size", not "larg". Did you mean "large"?",
        "flags.lost.prerequisites.2.is: must be true or false, for "a" is a boolean flag, not "on".",
        "flags.lost.prerequisites.3.flg: is not known. Did you mean "flag"?",
        "flags.lost.prerequisites.3.flag: must be a flag's key, not undefined.",
      ]
    `)
  })

  it('refuses flags and segments that lead to more of their kind than a request should wait for', () => {
    // Each asks both of those before it, and each of these both before them: 2 ** n ways.
    const pairs = Array.from({ length: 12 }, (_, i) => [`a${i}`, `b${i}`] as const)
    const before = (i: number): readonly string[] => pairs[i - 1] ?? []
    const flags = Object.fromEntries(
      pairs.flatMap((pair, i) =>
        pair.map((key) => [key, { prerequisites: before(i).map((flag) => ({ flag, is: true })), default: true }]),
      ),
    )
    const segments = Object.fromEntries(
      pairs.flatMap((pair, i) =>
        pair.map((name) => [name, { and: [{ 'org.id': 'acme' }, ...before(i).map((segment) => ({ segment }))] }]),
      ),
    )
    const refused = said(validateCatalog({ flags, segments }))
    expect(refused).toHaveLength(2 * 2 * (12 - 7))
    expect(refused).toContain(
      'flags.a7.prerequisites: must lead to at most 200 flags, counted along every way: this asks for more.',
    )
    expect(refused).toContain('segments.b11: must lead to at most 200 segments, counted along every way.')
    expect(refused.join()).not.toMatch(/[ab]6\b/)
  })

  it('refuses segments that are not there, or contain themselves', () => {
    const segments = {
      a: { segment: 'b' },
      b: { or: [{ not: { segment: ['c', 'd'] } }] },
      c: { segment: 'a' },
      d: { segment: 'd' },
      e: { segment: 'aa' },
    }
    const flags = { f: { rules: [{ if: { or: [{ segment: 'g' }] }, serve: true }], default: false } }
    expect(said(validateCatalog({ segments, flags }))).toMatchInlineSnapshot(`
      [
        "segments.e.segment: names no segment of the catalog, "aa". Did you mean "a"?",
        "segments.a: must not contain itself: a → b → c → a.",
        "segments.d: must not contain itself: d → d.",
        "flags.f.rules.0.if.or.0.segment: names no segment of the catalog, "g". Did you mean "a"?",
      ]
    `)
    expect(() => createThroughline({ segments: { a: { segment: 'a' } }, flags: {} })).toThrow(
      /must not contain itself: a → a/,
    )
  })

  it('has no attribute that reaches a prototype', () => {
    for (const path of ['org.__proto__', 'org.a.constructor.name', 'context.prototype', 'actor.__proto__.id']) {
      expect(ruleProblems({ if: { not: { [path]: 1 } } })).toEqual([
        expect.stringContaining(`rules.0.if.not["${path}"]: must address "org.…"`),
      ])
    }
  })

  it('is bounded', () => {
    const many = Array.from({ length: 49 }, (_, i) => ({ [`org.a${i}`]: 1 }))
    expect(ruleProblems({ if: { and: Array.from({ length: 49 }, () => ({ or: many })) } })).toEqual([
      expect.stringContaining('a flag has at most 500 conditions'),
    ])
    let deep: object = { 'org.a': 1 }
    for (let i = 0; i < 11; i++) deep = { not: deep }
    expect(ruleProblems({ if: deep })).toEqual([expect.stringContaining('at most 10 levels')])
    expect(ruleProblems({ if: { 'org.a': 'x'.repeat(5_000) } })).toEqual([expect.stringContaining('4096 characters')])
    const [long = ''] = ruleProblems({ if: { [`org.${'x'.repeat(5_000)}`]: 1 } })
    expect(long).toContain('1 to 100 characters')
    expect(long.length).toBeLessThan(300)
  })

  it('looks no further along a chain of flags than it has to', () => {
    const flags = Object.fromEntries(
      Array.from({ length: 20_000 }, (_, i) => [
        `f${i}`,
        { prerequisites: [{ flag: `f${(i + 1) % 20_000}`, is: true }], default: true },
      ]),
    )
    expect(said(flagProblems(flags.f0, 'f0', { key: 'f0', flags }))).toEqual([
      'f0.prerequisites: must lead to at most 200 flags, counted along every way: this asks for more.',
    ])
    const short = { ...flags, f9: { prerequisites: [{ flag: 'f0', is: true }], default: true } }
    expect(said(flagProblems(flags.f0, 'f0', { key: 'f0', flags: short }))).toEqual([
      expect.stringContaining('must not lead back to the flag itself: f0 → f1 → f2'),
    ])
  })

  it('takes no longer for many flags than they are', () => {
    const times = [2_000, 8_000].map((count) => {
      const one = (i: number) => ({ default: false, rules: [{ layer: { name: 'l', from: i, to: 50 }, serve: true }] })
      const flags = Object.fromEntries(Array.from({ length: count }, (_, i) => [`f${i}`, one(i % 40)]))
      const since = performance.now()
      expect(validateCatalog({ flags })).toEqual([])
      return performance.now() - since
    })
    const [few = 0, many = 0] = times
    expect(many).toBeLessThan(few * 10 + 200)
  })
})
