import type { LimitDefinition } from '../catalog/definitions.ts'
import { didYouMean } from '../did-you-mean.ts'
import { ThroughlineError } from '../errors.ts'
import type { OverrideOptions, PlatformPort } from '../platform-port.ts'
import type { LimitOverride } from './limit-override.ts'
import { limitOverrideValue, newLimitOverride, readLimitOverride } from './limit-override.ts'

/** Limits of special customers. */
export interface PlatformLimits<Name extends string = string> {
  /**
   * A limit for one tenant alone, in place of its plan's; what was used counts on.
   *
   * @throws ThroughlineError `LIMIT_NOT_FOUND`, `LIMIT_INVALID`, `TENANT_NOT_FOUND`
   */
  override(tenantId: string, name: Name, limit: LimitDefinition, options?: OverrideOptions): Promise<void>
  /** @throws ThroughlineError `LIMIT_NOT_FOUND`, `TENANT_NOT_FOUND` */
  clearOverride(tenantId: string, name: Name): Promise<void>
  /** A tenant's overrides that hold now: of which limit, until when (ms since the epoch), and why. */
  overrides(tenantId: string): Promise<readonly StoredLimitOverride<Name>[]>
}

/** What one tenant has in place of its plan's limit. */
export interface StoredLimitOverride<Name extends string = string> extends LimitOverride {
  readonly name: Name
}

export function createPlatformLimits<Name extends string>(
  port: PlatformPort,
  catalog: Readonly<Record<string, LimitDefinition>>,
): PlatformLimits<Name> {
  const check = (name: string): void => {
    port.acting()
    if (Object.hasOwn(catalog, name)) return
    const given = String(name).slice(0, 100)
    const known = didYouMean(given, Object.keys(catalog))
    throw new ThroughlineError('LIMIT_NOT_FOUND', { message: `No limit is called "${given}".${known}` })
  }
  return {
    async override(tenantId, name, limit, options = {}) {
      check(name)
      const override = newLimitOverride(limit, options, { reason: port.reason(), now: port.now() })
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
    async overrides(tenantId) {
      const { documents } = await port.read({ tenant: tenantId, kinds: ['limit_overrides'] })
      const now = port.now()
      return documents.flatMap(({ key, value }) => {
        const override = Object.hasOwn(catalog, key) ? readLimitOverride(value) : undefined
        if (!override || (override.until !== undefined && override.until <= now)) return []
        return [{ name: key as Name, ...override }]
      })
    },
  }
}
