import { currentScope } from './ambient.ts'

/**
 * A cache key of the current tenant's own: `acme:report:7`. Two tenants never share one, whatever their ids and keys
 * hold: `%` and `:` of the id are escaped, so the first colon ends it.
 *
 * @throws ThroughlineError `TENANT_REQUIRED` outside a tenant context
 *
 * @example await redis.get(tenantKey('report:7'))
 */
export function tenantKey(key: string): string {
  const { id } = currentScope().tenant
  return `${id.replaceAll('%', '%25').replaceAll(':', '%3A')}:${key}`
}
