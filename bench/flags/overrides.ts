import { createThroughline } from '@throughline/core'
import { contest, cpuTime } from '../limits/contenders.ts'
import { openContexts } from '../limits/open-contexts.ts'
import { TENANTS, TOGETHER } from './flag.ts'

const CALLS = Number(process.env.BENCH_CALLS ?? 200_000)
const OVERRIDES = Number(process.env.BENCH_OVERRIDES ?? 100_000)

/** A flag that so many tenants have an override of, beside one that nobody has: theirs over ours, per evaluation. */
export async function benchOverrides(): Promise<number> {
  const [none, many] = [await openWith(0), await openWith(OVERRIDES)]
  const medians = await contest(
    `${OVERRIDES} overrides`,
    CALLS,
    [
      { name: 'no overrides', run: none.run },
      { name: `${OVERRIDES} overrides`, run: many.run },
    ],
    cpuTime,
    'ns',
  )
  await Promise.all([none.close(), many.close()])
  return (medians[`${OVERRIDES} overrides`] as number) / (medians['no overrides'] as number)
}

async function openWith(overrides: number) {
  const throughline = createThroughline({
    tenants: { load: (id: string) => ({ id }) },
    flags: { reports: { rules: [{ rollout: { percent: 25 }, serve: true }], default: false } },
    snapshots: { max: 2 * TENANTS },
  })
  await throughline.platform.run({ actor: { id: 'bench' }, reason: 'bench' }, async (platform) => {
    for (let i = 0; i < overrides; i++) await platform.flags.override(`tenant-${i}`, 'reports', i % 2 === 0)
  })
  const contexts = await openContexts(throughline, TENANTS, () => {
    for (let call = 0; call < TOGETHER; call++) throughline.flags.isEnabled('reports')
  })
  return {
    run(calls: number) {
      for (let i = 0; i < calls / TOGETHER; i++) contexts.calls[i % TENANTS]?.()
    },
    async close() {
      await contexts.close()
      await throughline.close()
    },
  }
}
