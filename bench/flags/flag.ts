import { GrowthBookClient } from '@growthbook/growthbook'
import { FlagdCore } from '@openfeature/flagd-core'
import { InMemStorageProvider, Unleash } from 'unleash-client'

export const TENANTS = 1_024
/** Evaluations for one tenant before the next: a request asks more than once. */
export const TOGETHER = 20
const PERCENT = 25

export type BenchTenant = Readonly<Record<'id' | 'plan', string>>

/** Whether a flag is on for a tenant. */
export type Evaluate = (tenant: BenchTenant) => boolean

/** Tenants of a plan: the rule holds for all of `enterprise`, and for none of `free`. */
export function benchTenants(plan: 'enterprise' | 'free'): readonly BenchTenant[] {
  const first = plan === 'enterprise' ? 0 : TENANTS
  return Array.from({ length: TENANTS }, (_, i) => ({ id: `tenant-${first + i}`, plan }))
}

/** Tenants in turn, some calls each. */
export function inTurn(tenants: readonly BenchTenant[], evaluate: Evaluate): (calls: number) => void {
  checkShare(tenants[0]?.plan, tenants.filter(evaluate).length)
  return (calls) => {
    for (let i = 0; i < calls; i++) evaluate(tenants[Math.floor(i / TOGETHER) % TENANTS] as BenchTenant)
  }
}

/** Throws unless the flag is on for about a quarter of `enterprise`, and for nobody else. */
export function checkShare(plan: string | undefined, on: number): void {
  const least = plan === 'enterprise' ? 0.2 * TENANTS : 0
  const most = plan === 'enterprise' ? 0.3 * TENANTS : 0
  if (on < least || on > most)
    throw new Error(`It is on for ${on} of ${TENANTS}, which is not the flag that was meant.`)
}

/** What nobody can be faster than: the plan compared, the id hashed. */
export const byHand: Evaluate = ({ id, plan }) => {
  if (plan !== 'enterprise') return false
  let hash = 0x811c9dc5
  for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193)
  return (hash >>> 0) % 100 < PERCENT
}

export function flagd(): Evaluate {
  const core = new FlagdCore()
  const targeting = {
    if: [
      { '==': [{ var: 'plan' }, 'enterprise'] },
      { fractional: [{ var: 'targetingKey' }, ['on', PERCENT], ['off', 100 - PERCENT]] },
      'off',
    ],
  }
  core.setConfigurations(
    JSON.stringify({
      flags: { reports: { state: 'ENABLED', variants: { on: true, off: false }, defaultVariant: 'off', targeting } },
    }),
  )
  return ({ id, plan }) => core.resolveBooleanEvaluation('reports', false, { targetingKey: id, plan }).value
}

export function growthbook(): Evaluate {
  const client = new GrowthBookClient().initSync({
    payload: {
      features: {
        reports: {
          defaultValue: false,
          rules: [{ condition: { plan: 'enterprise' }, coverage: PERCENT / 100, hashAttribute: 'id', force: true }],
        },
      },
    },
  })
  return (tenant) => client.isOn('reports', { attributes: { id: tenant.id, plan: tenant.plan } })
}

/** Never started: it is given what it would have fetched. */
export async function unleash(): Promise<{ readonly evaluate: Evaluate; close(): void }> {
  const client = new Unleash({
    appName: 'bench',
    url: 'http://127.0.0.1:9/api',
    disableMetrics: true,
    refreshInterval: 0,
    skipInstanceCountWarning: true,
    storageProvider: new InMemStorageProvider(),
    disableAutoStart: true,
    bootstrap: {
      data: [
        {
          name: 'reports',
          type: 'release',
          enabled: true,
          project: 'default',
          stale: false,
          impressionData: false,
          variants: [],
          strategies: [
            {
              name: 'flexibleRollout',
              parameters: { rollout: String(PERCENT), stickiness: 'orgId', groupId: 'reports' },
              constraints: [
                {
                  contextName: 'plan',
                  operator: 'IN',
                  values: ['enterprise'],
                  inverted: false,
                  caseInsensitive: false,
                },
              ],
            },
          ],
        },
      ] as never,
    },
  })
  client.on('error', () => undefined)
  client.on('warn', () => undefined)
  const ready = new Promise((resolve) => client.once('ready', resolve))
  await client.start()
  await ready
  return {
    evaluate: ({ id, plan }) => client.isEnabled('reports', { properties: { orgId: id, plan } }),
    close: () => client.destroy(),
  }
}
