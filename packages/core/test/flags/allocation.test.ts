import { expect, it } from 'vitest'
import type { Catalog, FlagDefinition } from '../../src/catalog/definitions.ts'
import { compileFlags, createFlags, flagsView } from '../../src/flags/index.ts'

const CALLS = 200_000
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

it.each(['remembered', 'asked'])('an evaluation allocates nothing: %s', (key) => {
  const view = flagsView(compileFlags(FLAGS), new Map(), undefined)
  let folded = 0
  const scope = {
    tenant: { id: 'acme', plan: 'pro', status: 'active', attributes: {} },
    actor: { id: 'u1', type: 'user' },
    snapshot: { flags: view },
    fold: () => void folded++,
  } as const
  const flags = createFlags<Catalog>({ scope: () => scope })
  const evaluate = (): number => {
    const before = process.memoryUsage().heapUsed
    for (let i = 0; i < CALLS; i++) flags.isEnabled(key)
    return process.memoryUsage().heapUsed - before
  }
  // Until it is compiled, on a busy machine later, it costs what interpreting costs; the collector may come in between.
  let [rounds, least] = [0, Number.POSITIVE_INFINITY]
  while (least >= CALLS && rounds < 30) {
    least = Math.min(least, Math.abs(evaluate()))
    rounds++
  }
  expect(folded).toBe(rounds * CALLS)
  // The least object is 16 bytes: one of them for each call would be 3.2 MB.
  expect(least).toBeLessThan(CALLS)
})
