import type { ServerResponse } from 'node:http'
import { ambientContext } from '../context/ambient.ts'
import type { ContextActivity } from '../context/scope.ts'
import { ThroughlineError } from '../errors.ts'
import type { ThroughlineHost } from '../instance.ts'
import { HOST } from '../instance.ts'
import { noteError } from '../note-error.ts'
import type { RunInput } from '../run-input.ts'
import { enterAsTenant } from '../runs.ts'
import type { RequestAuditOptions } from './audit-pipeline.ts'
import { AuditPipeline } from './audit-pipeline.ts'
import { openExchangeOf } from './exchange.ts'
import type { HttpPipeline } from './pipeline-host.ts'
import type { TenantContextOptions } from './tenant-context-options.ts'
import { TenantPipeline } from './tenant-pipeline.ts'

/** The pipeline of `requestAudit`. */
export function auditPipeline<Req>(
  throughline: ThroughlineHost,
  options: RequestAuditOptions<Req> = {},
): HttpPipeline<Req> {
  return new AuditPipeline(hostOf('requestAudit', throughline), options)
}

/** The pipeline of `tenantContext`; a request is recorded even when `requestAudit` is not mounted before it. */
export function tenantPipeline<Req>(
  throughline: ThroughlineHost,
  options: TenantContextOptions<Req>,
): HttpPipeline<Req> {
  return new TenantPipeline(hostOf('tenantContext', throughline), options)
}

/** @throws ThroughlineError `OPTIONS_INVALID` for what is no instance */
export function hostOf(call: string, throughline: ThroughlineHost | undefined): ThroughlineHost[typeof HOST] {
  const host = throughline?.[HOST]
  if (host) return host
  throw miscalled(call, 'the first parameter must be what createThroughline() returned.')
}

function miscalled(call: string, problem: string): ThroughlineError {
  return new ThroughlineError('OPTIONS_INVALID', { message: `${call}: ${problem}`, details: { problems: [problem] } })
}

/** On whose record an error is already: one that passes several middlewares on its way out is one event. */
const recorded = new WeakMap<object, ContextActivity>()

/** Attaches an error to the record of the open request, by name and code, once; outside of one it does nothing. */
export function recordError(error: unknown): void {
  const context = ambientContext()
  if (!context) return
  if (typeof error === 'object' && error !== null) {
    if (recorded.get(error) === context.activity) return
    recorded.set(error, context.activity)
  }
  noteError(context.activity, error)
}

/**
 * Enters a request that has no tenant yet: a webhook whose tenant is in its body. `fn` runs in the tenant's context,
 * and the request's record goes to the tenant's trail.
 *
 * @throws ThroughlineError `TENANT_REQUIRED` if no middleware opened the request, `CONTEXT_MISMATCH` if another
 *   instance's did; `TENANT_NOT_FOUND`, `TENANT_SUSPENDED`; `OPTIONS_INVALID` if it is called wrongly
 */
export async function enterRequest<R>(
  throughline: ThroughlineHost,
  response: ServerResponse | undefined,
  input: RunInput,
  fn: () => R | Promise<R>,
): Promise<R> {
  const host = hostOf('enter', throughline)
  if (typeof response !== 'object' || response === null) {
    throw miscalled(
      'enter',
      'the second parameter must be what the framework gave the handler, which has the response.',
    )
  }
  const open = openExchangeOf(response)
  if (!open) throw new ThroughlineError('TENANT_REQUIRED')
  if (open.owner !== host) throw new ThroughlineError('CONTEXT_MISMATCH')
  return enterAsTenant(host, open.activity, input, fn)
}
