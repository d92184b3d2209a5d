import type { FlagDefinition } from '@throughline/core'
import { createThroughline } from '@throughline/core'
import { contest, cpuTime } from '../limits/contenders.ts'
import { openContexts } from '../limits/open-contexts.ts'
import { benchTenants, byHand, checkShare, flagd, growthbook, inTurn, TENANTS, TOGETHER, unleash } from './flag.ts'

const CALLS = Number(process.env.BENCH_CALLS ?? 200_000)
const RULE = { if: { 'org.plan': 'enterprise' }, serve: true } as const
const FLAGS = {
  reports: { rules: [{ ...RULE, rollout: { percent: 25 } }], default: false },
  // Nothing is remembered of it: it could be another answer for another actor.
  byActor: { rules: [{ ...RULE, rollout: { percent: 25, by: 'actor' } }], default: false },
} as const satisfies Record<string, FlagDefinition>

const PEERS = ['@openfeature/flagd-core', 'unleash-client', '@growthbook/growthbook'] as const

/** A rule on the plan, then a quarter of the tenants: all tenants are of that plan, or none. */
export async function benchEngines(): Promise<Readonly<Record<'hit' | 'miss', number>>> {
  const [ours, peer] = [await openOurs(), await unleash()]
  const ratio = async (title: string, plan: 'enterprise' | 'free'): Promise<number> => {
    const tenants = benchTenants(plan)
    const medians = await contest(
      title,
      CALLS,
      [
        { name: 'throughline', run: ours.run('reports', plan) },
        { name: 'throughline, by actor', run: ours.run('byActor', plan) },
        { name: PEERS[0], run: inTurn(tenants, flagd()) },
        { name: PEERS[1], run: inTurn(tenants, peer.evaluate) },
        { name: PEERS[2], run: inTurn(tenants, growthbook()) },
        { name: 'by hand', run: inTurn(tenants, byHand) },
      ],
      cpuTime,
      'ns',
    )
    return Math.min(...PEERS.map((name) => medians[name] as number)) / (medians.throughline as number)
  }
  try {
    return {
      hit: await ratio(`Hit: the rule holds, the id is hashed, ${TENANTS} tenants`, 'enterprise'),
      miss: await ratio(`Miss: the rule does not hold, ${TENANTS} tenants`, 'free'),
    }
  } finally {
    peer.close()
    await ours.close()
  }
}

/** Tenants of both plans, each in a context of its own, every evaluation counted on its record. */
async function openOurs() {
  const byId = new Map([...benchTenants('enterprise'), ...benchTenants('free')].map((tenant) => [tenant.id, tenant]))
  const throughline = createThroughline({ tenants: { load: (id: string) => byId.get(id) }, flags: FLAGS })
  const contexts = await openContexts(throughline, 2 * TENANTS, (key: keyof typeof FLAGS) => {
    let on = 0
    for (let call = 0; call < TOGETHER; call++) if (throughline.flags.isEnabled(key)) on++
    return on
  })
  return {
    run(key: keyof typeof FLAGS, plan: 'enterprise' | 'free') {
      const calls = contexts.calls.slice(plan === 'enterprise' ? 0 : TENANTS).slice(0, TENANTS)
      checkShare(plan, calls.filter((call) => call(key) > 0).length)
      return (count: number) => {
        for (let i = 0; i < count / TOGETHER; i++) calls[i % TENANTS]?.(key)
      }
    },
    async close() {
      await contexts.close()
      await throughline.close()
    },
  }
}
