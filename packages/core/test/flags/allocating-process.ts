import type { Catalog, FlagDefinition } from '../../src/catalog/definitions.ts'
import { compileFlags, createFlags, flagsView } from '../../src/flags/index.ts'

/** Prints for each flag how many bytes an evaluation allocates once it is compiled: what others made of the code does not count. */
const CALLS = 200_000
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
}

function bytesOf(key: string): number {
  let folded = 0
  const compiled = compileFlags(FLAGS)
  // They fall everywhere: a number above 2^31 takes a place in memory where it is handed on.
  const scopes = Array.from({ length: 64 }, (_, i) => ({
    tenant: { id: `t${i}`, plan: 'pro', status: 'active', attributes: {} } as const,
    actor: { id: `u${i}`, type: 'user' } as const,
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
  // Until it is compiled it costs what interpreting costs; the collector may come in between.
  const least = Math.min(...Array.from({ length: ROUNDS }, () => Math.abs(evaluate())))
  if (folded !== ROUNDS * CALLS) throw new Error(`${folded} evaluations were counted.`)
  return least / CALLS
}

console.log(JSON.stringify(Object.fromEntries(Object.keys(FLAGS).map((key) => [key, bytesOf(key)]))))
