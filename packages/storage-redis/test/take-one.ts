import type { LimitRequest } from '@throughline/core/storage'

/** One unit of a tenant's `api`, of which there are `capacity`, and one more a day. */
export function takeOne(tenant: string, capacity: number): LimitRequest {
  const weight = 86_400_000
  return {
    group: tenant,
    operations: [{ kind: 'rate', key: `${tenant}\u0000api`, perMs: 1, weight, capacity: capacity * weight, cost: 1 }],
    units: 1,
    mode: 'take',
  }
}
