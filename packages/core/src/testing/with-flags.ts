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
 * they stand over its values. Once the promise of `fn` is settled they are over, also for what it left running; what a
 * `fn` without a promise left running keeps them. Evaluations say `STATIC`, rule `test`.
 *
 * A server that listened before is outside: requests to it do not see them. Make it inside, or call the app's code.
 *
 * @returns what `fn` returns
 * @throws ThroughlineError `FLAG_UNKNOWN`, also where one of several instances has no such flag; `OPTIONS_INVALID` for a
 *   value that the flag can't have; at once inside a tenant context, else when the first flag is asked
 *
 * @example
 * await withFlags({ 'new-reports': true }, () => throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, createReport))
 */
export function withFlags<C extends Catalog = RegisteredCatalog, R = unknown>(values: FlagChoices<C>, fn: () => R): R {
  if (!isPlain(values) || typeof fn !== 'function') {
    throw new ThroughlineError('OPTIONS_INVALID', {
      message: 'withFlags: it takes values, as an object, and a function.',
      remedy: "Call it as withFlags({ 'new-reports': true }, fn).",
    })
  }
  const storage = started()
  const own = new FlagPins(values, storage.getStore())
  const open = ambientContext()
  if (open?.kind === 'tenant') own.in((open.snapshot as unknown as FlagsScope['snapshot']).flags)
  const result = storage.run(own, fn)
  if (result instanceof Promise) return result.finally(() => own.end()) as R
  if (isLazy(result)) beginOnce(result, (begin) => storage.run(own, begin))
  return result
}

/** Has something begin by way of `run` where it is awaited first; who awaits it again has nothing to do with that. */
function beginOnce(lazy: PromiseLike<unknown>, run: <T>(begin: () => T) => T): void {
  const { then } = lazy
  const begin: typeof then = (...handlers) => {
    Reflect.set(lazy, 'then', then)
    return run(() => lazy.then(...handlers))
  }
  Reflect.set(lazy, 'then', begin)
}

function started(): AsyncLocalStorage<FlagPins> {
  if (!pins) {
    const storage = new AsyncLocalStorage<FlagPins>()
    pinFlags((view) => storage.getStore()?.in(view) ?? view)
    pins = storage
  }
  return pins
}

/** A map or a list would say nothing, and nobody would notice. */
function isPlain(values: unknown): values is Readonly<Record<string, unknown>> {
  if (typeof values !== 'object' || values === null) return false
  const prototype: unknown = Object.getPrototypeOf(values)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}

/** Whether something begins when it is awaited, which is outside of here: a request of supertest. */
function isLazy(result: unknown): result is PromiseLike<unknown> {
  return typeof result === 'object' && result !== null && 'then' in result && typeof result.then === 'function'
}
