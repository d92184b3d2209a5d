import { InMemoryProvider, OpenFeature } from '@openfeature/server-sdk'
import { createThroughline } from '@throughline/core'
import { throughlineProvider } from '@throughline/openfeature'
import { contest, cpuTime } from '../limits/contenders.ts'
import { openContexts } from '../limits/open-contexts.ts'
import { benchTenants, TENANTS, TOGETHER } from './flag.ts'

const CALLS = Number(process.env.BENCH_OPENFEATURE_CALLS ?? 40_000)

/** Our provider in tenant contexts, beside the SDK's own provider in none: ours over theirs, per evaluation. */
export async function benchOpenFeature(): Promise<number> {
  const tenants = new Map(benchTenants('enterprise').map((tenant) => [tenant.id, tenant]))
  const throughline = createThroughline({
    tenants: { load: (id: string) => tenants.get(id) },
    flags: {
      reports: { rules: [{ if: { 'org.plan': 'enterprise' }, rollout: { percent: 25 }, serve: true }], default: false },
    },
  })
  await OpenFeature.setProviderAndWait('throughline', throughlineProvider(throughline))
  const inMemory = new InMemoryProvider({
    reports: {
      variants: { on: true, off: false },
      defaultVariant: 'off',
      disabled: false,
      contextEvaluator: ({ plan }) => (plan === 'enterprise' ? 'on' : 'off'),
    },
  })
  await OpenFeature.setProviderAndWait('in-memory', inMemory)
  const [ours, theirs] = [OpenFeature.getClient('throughline'), OpenFeature.getClient('in-memory')]
  const contexts = await openContexts(throughline, TENANTS, async () => {
    for (let call = 0; call < TOGETHER; call++) await ours.getBooleanValue('reports', false)
  })
  const medians = await contest(
    'Through the OpenFeature SDK',
    CALLS,
    [
      {
        name: 'throughline provider',
        async run(calls) {
          for (let i = 0; i < calls / TOGETHER; i++) await contexts.calls[i % TENANTS]?.()
        },
      },
      {
        name: 'InMemoryProvider',
        async run(calls) {
          for (let i = 0; i < calls; i++)
            await theirs.getBooleanValue('reports', false, {
              targetingKey: `tenant-${Math.floor(i / TOGETHER) % TENANTS}`,
              plan: 'enterprise',
            })
        },
      },
    ],
    cpuTime,
    'ns',
  )
  await contexts.close()
  await OpenFeature.close()
  await throughline.close()
  return (medians['throughline provider'] as number) / (medians.InMemoryProvider as number)
}
