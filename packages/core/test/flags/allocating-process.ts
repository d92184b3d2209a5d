import type { Catalog, FlagDefinition } from '../../src/catalog/definitions.ts'
import { compileFlags, createFlags, flagsView } from '../../src/flags/index.ts'

/** Prints for each flag how many bytes an evaluation allocates once it is compiled: what others made of the code does not count. */
const CALLS = 50_000
const ROUNDS = 30
const RULE = { if: { 'org.plan': 'pro', 'actor.type': 'user' }, serve: true } as const
const FLAGS: Record<string, FlagDefinition> = {
  remembered: { rules: [{ if: { 'org.plan': 'pro' }, rollout: { percent: 25 }, serve: true }], default: false },
  asked: {
    prerequisites: [{ flag: 'remembered', is: false }],
    rules: [
      { ...RULE, layer: { name: 'l', from: 0, to: 1 } },
      { ...RULE, rollout: { percent: 25, by: 'actor' } },
    ],
    default: false,
  },
  compared: {
    rules: [
      {
        if: {
          or: [
            { 'actor.roles': 'admin' },
            { 'actor.roles': { matches: '^[a-c][^d]*$' } },
            { 'actor.name': { semver: '>=2' } },
            { 'request.ip': { cidr: ['192.168.0.0/16', '2001:db8::/32'] } },
            { 'org.created_at': { after: { ago: '14d' } } },
          ],
        },
        serve: true,
      },
    ],
    default: false,
  },
}

function bytesOf(key: string): number {
  let folded = 0
  const compiled = compileFlags(FLAGS)
  // They fall everywhere: a number above 2^31 takes a place in memory where it is handed on.
  const scopes = Array.from({ length: 64 }, (_, i) => ({
    tenant: {
      id: `t${i}`,
      plan: 'pro',
      status: 'active',
      createdAt: `2026-01-01T00:${10 + (i % 50)}:00Z`,
      attributes: {},
    } as const,
    actor: { id: `u${i}`, type: 'user', name: `1.${i}.0`, roles: Object.freeze(['dev', 'owner']) } as const,
    request: { method: 'GET', path: '/', ip: `10.0.0.${i}` } as const,
    asOf: Date.parse('2026-06-15T12:00:00Z'),
    snapshot: { flags: flagsView(compiled, new Map(), undefined) },
    fold: () => void folded++,
  }))
  let asked = 0
  const flags = createFlags<Catalog>({ scope: () => scopes[asked++ % scopes.length] as (typeof scopes)[number] })
  const evaluate = (): number => {
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < CALLS; i++) flags.isEnabled(key)
    return process.memoryUsage().heapUsed - before
  }
  // Until it is compiled it costs what interpreting costs; where the collector comes in between, it is less than it was.
  const costs = Array.from({ length: ROUNDS }, () => Math.abs(evaluate())).sort((a, b) => a - b)
  if (folded !== ROUNDS * CALLS) throw new Error(`${folded} evaluations were counted.`)
  return (costs[ROUNDS / 2] as number) / CALLS
}

console.log(JSON.stringify(Object.fromEntries(Object.keys(FLAGS).map((key) => [key, bytesOf(key)]))))
