import { ambientContext } from './ambient.ts'

/** What a log line says of the context in which it was written: ids, no names. */
export interface LogContext {
  readonly tenant?: string
  readonly actor?: string
  readonly traceId?: string
}

/**
 * The open context for a log line; empty outside a tenant context, so that a logger can call it anywhere.
 *
 * @example const log = pino({ mixin: logContext })
 */
export function logContext(): LogContext {
  const context = ambientContext()
  // A new object each time: loggers write into what a mixin returns.
  if (context?.kind !== 'tenant') return {}
  return { tenant: context.tenant.id, actor: context.actor.id, traceId: context.activity.traceId }
}
