import type { Catalog } from '../../catalog/definitions.ts'
import type { FlagKey } from '../../catalog/keys.ts'
import type { PlatformPort } from '../../platform-port.ts'
import type { JournalEvent } from '../../storage/journal-record.ts'
import { definitionOf } from '../changes/effective-definitions.ts'
import { refuseArchived, refuseOptions } from '../changes/flag-invalid.ts'
import type { KnownFlags } from '../changes/known-flags.ts'
import { newFlagOverride } from '../changes/new-override.ts'
import { settingAt } from '../changes/stored-flag.ts'
import type { StoredOverride } from '../stored-override.ts'
import { readOverride } from '../stored-override.ts'
import type { PlatformFlags } from './platform-flags.ts'

/** How the operator gives one tenant a value of its own. */
export function overrideFace<C extends Catalog>(
  flags: KnownFlags,
  port: PlatformPort,
): Pick<PlatformFlags<C>, 'override' | 'clearOverride' | 'overrides'> {
  return {
    async override(tenantId, key, value, options = {}) {
      const declared = flags.declared(key)
      refuseOptions(options, ['until', 'reason'])
      const { until: end, reason = port.reason() } = options
      const { flag } = await flags.read(key)
      const now = port.now()
      const setting = settingAt(flag, now)
      refuseArchived(key, setting)
      const given = { reason, ...(end !== undefined && { until: end }) }
      const override = newFlagOverride(key, definitionOf(declared, setting), value, given, now)
      await port.commitFor(tenantId, {
        writes: [{ kind: 'flag_overrides', tenant: tenantId, key, value: override }],
        event: overriddenEvent(key, override),
      })
    },
    async clearOverride(tenantId, key) {
      flags.declared(key)
      await port.commitFor(tenantId, {
        writes: [{ kind: 'flag_overrides', tenant: tenantId, key, value: null }],
        event: { action: 'flag.override_cleared', targets: [{ type: 'flag', id: key }] },
      })
    },
    async overrides(tenantId) {
      const { documents } = await port.read({ tenant: tenantId, kinds: ['flag_overrides'] })
      port.note({ action: 'flag.read', targets: [{ type: 'tenant', id: tenantId }] })
      return documents.flatMap(({ key, value }) => {
        const override = flags.has(key) ? readOverride(value, port.now()) : undefined
        return override ? [{ key: key as FlagKey<C>, ...override }] : []
      })
    },
  }
}

function overriddenEvent(key: string, { until, ...kept }: StoredOverride): Omit<JournalEvent, 'notable'> {
  return {
    action: 'flag.overridden',
    targets: [{ type: 'flag', id: key }],
    metadata: { ...kept, ...(until !== undefined && { until: new Date(until).toISOString() }) },
  }
}
