import { AsyncLocalStorage } from 'node:async_hooks'
import type { Catalog } from '../catalog/definitions.ts'
import type { FlagChoice, FlagKey } from '../catalog/keys.ts'
import type { RegisteredCatalog } from '../catalog/register.ts'
import { ambientContext } from '../context/ambient.ts'
import { ThroughlineError } from '../errors.ts'
import type { FlagsScope } from '../flags/flags.ts'
import { pinFlags } from '../flags/pinned-flags.ts'
import { FlagPins } from './flag-pins.ts'

/** Flags, and what each is to be: a boolean, or the name of one of its variants. */
export type FlagChoices<C extends Catalog = RegisteredCatalog> = {
  readonly [K in FlagKey<C>]?: FlagChoice<C, K>
}

/** Made with the first use, so that nothing is kept track of where nothing is tested. */
let pins: AsyncLocalStorage<FlagPins> | undefined

/**
 * Runs `fn` with flags that have the given values, whatever their definitions, overrides and plans say. They hold in
 * whatever `fn` calls and awaits, tenant contexts that it opens among it, and nowhere else; inside another `withFlags`
 * they stand over its values. Evaluations say `STATIC`, rule `test`.
 *
 * A server that listened before is outside: requests to it do not see them. Make it inside, or call the app's code.
 *
 * @returns what `fn` returns
 * @throws ThroughlineError `FLAG_UNKNOWN`; `OPTIONS_INVALID` for a value that the flag can't have; at once inside a
 *   tenant context, else when the first flag is asked
 *
 * @example
 * await withFlags({ 'new-reports': true }, () => throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, createReport))
 */
export function withFlags<C extends Catalog = RegisteredCatalog, R = unknown>(values: FlagChoices<C>, fn: () => R): R {
  if (typeof values !== 'object' || values === null || typeof fn !== 'function') {
    throw new ThroughlineError('OPTIONS_INVALID', {
      message: 'withFlags: it takes values and a function.',
      remedy: "Call it as withFlags({ 'new-reports': true }, fn).",
    })
  }
  const storage = started()
  const own = new FlagPins(values, storage.getStore())
  const open = ambientContext()
  if (open?.kind === 'tenant') own.in((open.snapshot as unknown as FlagsScope['snapshot']).flags)
  return storage.run(own, fn)
}

function started(): AsyncLocalStorage<FlagPins> {
  if (!pins) {
    const storage = new AsyncLocalStorage<FlagPins>()
    pinFlags((view) => storage.getStore()?.in(view) ?? view)
    pins = storage
  }
  return pins
}
