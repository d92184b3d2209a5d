import { AsyncLocalStorage } from 'node:async_hooks'
import { ThroughlineError } from '../errors.ts'
import type { Actor, Tenant, TenantContext } from '../vocabulary.ts'
import type { ContextActivity, Scope } from './scope.ts'

/** A request whose tenant is not known yet: opened by `requestAudit`, before the app's login. */
export interface OpenContext {
  readonly kind: 'open'
  readonly activity: ContextActivity
}

/** The operator at work, across tenants. */
export interface PlatformContext {
  readonly kind: 'platform'
  readonly owner: object
  readonly actor: Actor
  readonly reason: string
  readonly activity: ContextActivity
}

export type AmbientContext = Scope | OpenContext | PlatformContext

const KEY = Symbol.for('throughline.context')

/** One storage for the whole process: two copies of this package still share one context. */
const ambient: AsyncLocalStorage<AmbientContext> = sharedStorage()

function sharedStorage(): AsyncLocalStorage<AmbientContext> {
  const shared = globalThis as { [KEY]?: AsyncLocalStorage<AmbientContext> }
  shared[KEY] ??= new AsyncLocalStorage()
  return shared[KEY]
}

/** Runs `fn` in a context; the only way into one. */
export function runIn<R>(context: AmbientContext, fn: () => R): R {
  return ambient.run(context, fn)
}

/** Whatever context is open, of whatever kind. */
export function ambientContext(): AmbientContext | undefined {
  return ambient.getStore()
}

/**
 * The open tenant scope.
 *
 * @throws ThroughlineError `TENANT_REQUIRED` outside of one
 */
export function currentScope(): Scope {
  const context = ambient.getStore()
  if (context?.kind !== 'tenant') throw new ThroughlineError('TENANT_REQUIRED')
  return context
}

/**
 * The ambient tenant context: tenant, actor, request, trace id. Frozen.
 *
 * @throws ThroughlineError `TENANT_REQUIRED` outside of one
 */
export function currentContext(): TenantContext {
  return currentScope().context
}

/**
 * The tenant on whose behalf this code runs.
 *
 * @throws ThroughlineError `TENANT_REQUIRED` outside a tenant context
 */
export function currentTenant(): Tenant {
  return currentScope().tenant
}

/** The tenant on whose behalf this code runs, or `undefined` outside a tenant context. */
export function tryCurrentTenant(): Tenant | undefined {
  const context = ambient.getStore()
  return context?.kind === 'tenant' ? context.tenant : undefined
}

/** Whether this code runs on the operator's behalf, inside `platform.run`. */
export function isPlatformContext(): boolean {
  return ambient.getStore()?.kind === 'platform'
}

/**
 * Ties a callback to the context in which it is bound, for emitters, sockets and callback queues, which otherwise call
 * it in the context of whoever emits.
 *
 * @throws ThroughlineError `TENANT_REQUIRED` outside a tenant context
 */
export function bind<This, Args extends unknown[], R>(
  fn: (this: This, ...args: Args) => R,
): (this: This, ...args: Args) => R {
  const scope = currentScope()
  return function bound(this: This, ...args: Args): R {
    return ambient.run(scope, () => fn.apply(this, args))
  }
}

/** Loads the newest state of the tenant into this context: a long job sees changes when it asks. */
export async function refresh(): Promise<void> {
  const scope = currentScope()
  await scope.owner.refresh(scope)
}
