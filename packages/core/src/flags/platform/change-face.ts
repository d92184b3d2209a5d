import type { Catalog } from '../../catalog/definitions.ts'
import type { FlagChange } from '../changes/flag-change.ts'
import type { FlagChangeOptions, FlagChangeResult, FlagChanger } from '../changes/flag-changer.ts'
import type { KnownFlags } from '../changes/known-flags.ts'
import type { PlatformFlags } from './platform-flags.ts'

type Changes = 'define' | 'patch' | 'archive' | 'rollback' | 'reset' | 'cancel'

/** How the operator changes flags. */
export function changeFace<C extends Catalog>(
  flags: KnownFlags,
  changer: FlagChanger,
): Pick<PlatformFlags<C>, Changes> {
  const change = async (key: string, made: FlagChange, how?: FlagChangeOptions): Promise<FlagChangeResult> => {
    flags.declared(key)
    return changer.change(key, made, how)
  }
  return {
    define: (key, definition, how) => change(key, { define: definition }, how),
    patch: (key, patch, how) => change(key, { patch }, how),
    archive: (key, how) => change(key, { archive: true }, how),
    async rollback(key, options) {
      flags.declared(key)
      const { to, ...how } = options ?? {}
      return change(key, { rollback: to }, how)
    },
    reset: (key, how) => change(key, { reset: true }, how),
    async cancel(key, version, how = {}) {
      flags.declared(key)
      return changer.cancel(key, version, how)
    },
  }
}
