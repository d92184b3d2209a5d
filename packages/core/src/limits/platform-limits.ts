import type { LimitDefinition } from '../catalog/definitions.ts'
import { didYouMean } from '../did-you-mean.ts'
import { ThroughlineError } from '../errors.ts'
import type { OverrideOptions, PlatformPort } from '../platform-port.ts'
import { limitOverrideValue, newLimitOverride } from './limit-override.ts'

/** Limits of special customers. */
export interface PlatformLimits<Name extends string = string> {
  /**
   * A limit for one tenant alone, in place of its plan's; what was used counts on.
   *
   * @throws ThroughlineError `LIMIT_UNKNOWN`, `LIMIT_INVALID`, `TENANT_NOT_FOUND`
   */
  override(tenantId: string, name: Name, limit: LimitDefinition, options?: OverrideOptions): Promise<void>
  clearOverride(tenantId: string, name: Name): Promise<void>
}

export function createPlatformLimits<Name extends string>(
  port: PlatformPort,
  catalog: Readonly<Record<string, LimitDefinition>>,
): PlatformLimits<Name> {
  const check = (name: string): void => {
    if (Object.hasOwn(catalog, name)) return
    const known = Object.keys(catalog)
    throw new ThroughlineError('LIMIT_UNKNOWN', { message: `No limit is called "${name}".${didYouMean(name, known)}` })
  }
  return {
    async override(tenantId, name, limit, { until } = {}) {
      check(name)
      const override = newLimitOverride(limit, until)
      const value = limitOverrideValue(override)
      await port.commitFor(tenantId, {
        writes: [{ kind: 'limit_overrides', tenant: tenantId, key: name, value }],
        event: { action: 'limit.overridden', targets: [{ type: 'limit', id: name }], metadata: { override: value } },
      })
    },
    async clearOverride(tenantId, name) {
      check(name)
      await port.commitFor(tenantId, {
        writes: [{ kind: 'limit_overrides', tenant: tenantId, key: name, value: null }],
        event: { action: 'limit.override_cleared', targets: [{ type: 'limit', id: name }] },
      })
    },
  }
}
