import { isActorType } from '../actor.ts'
import { ThroughlineError } from '../errors.ts'
import type { Actor, ActorInput } from '../vocabulary.ts'
import { currentScope } from './ambient.ts'

/** A context as plain JSON, for the app's own queue. It names, it does not prove: keep it where only the app writes. */
export interface CapturedContext {
  readonly v: 1
  readonly tenant: string
  readonly actor: ActorInput
  readonly traceId: string
}

/**
 * Captures the open context as JSON; `throughline.resume(captured, fn)` continues in it, in any process.
 *
 * @throws ThroughlineError `TENANT_REQUIRED` outside a tenant context
 */
export function capture(): CapturedContext {
  const { tenant, actor, activity } = currentScope()
  return { v: 1, tenant: tenant.id, actor: { ...actor }, traceId: activity.traceId }
}

/**
 * Checks what came back from a queue.
 *
 * @throws ThroughlineError `CAPTURE_INVALID`
 */
export function readCaptured(value: unknown): CapturedContext {
  const found = value as Partial<CapturedContext> | null
  const actor: Partial<Actor> | undefined = found?.actor as Partial<Actor> | undefined
  const valid =
    typeof found === 'object' &&
    found !== null &&
    found.v === 1 &&
    typeof found.tenant === 'string' &&
    typeof found.traceId === 'string' &&
    /^[0-9a-f]{32}$/.test(found.traceId) &&
    typeof actor?.id === 'string' &&
    (actor.type === undefined || isActorType(actor.type))
  if (!valid) throw new ThroughlineError('CAPTURE_INVALID')
  return found as CapturedContext
}
