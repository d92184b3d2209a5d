import { normaliseActor } from './actor.ts'
import type { AmbientContext, CapturedContext, Holds, PlatformContext, Snapshot } from './context/index.ts'
import { ambientContext, giveBack, readCaptured, readEnvelope, runIn } from './context/index.ts'
import type { ErrorCode } from './errors.ts'
import { ThroughlineError } from './errors.ts'
import { noteRefusal } from './http/note-refusal.ts'
import type { PipelineHost } from './http/pipeline-host.ts'
import type { Activity } from './journal/index.ts'
import type { MaybePromise } from './maybe-promise.ts'
import { noteError } from './note-error.ts'
import type { RunInput } from './run-input.ts'
import { actorOf, checkFunction, checkInput } from './run-input.ts'
import type { TraceParent } from './telemetry-port.ts'
import type { Actor, ActorInput, Outcome, RequestInfo } from './vocabulary.ts'
import { PLATFORM } from './vocabulary.ts'

/** What a run needs of its instance. */
export type RunHost = Pick<
  PipelineHost,
  'starting' | 'admit' | 'snapshot' | 'openScope' | 'openActivity' | 'telemetry' | 'onFailure'
>

type Fn<R> = () => R | Promise<R>

/** Runs `fn` as a tenant; resolves when what it left is durable. */
export async function runAsTenant<R>(host: RunHost, input: RunInput, fn: Fn<R>, traceId?: string): Promise<R> {
  checkInput('run', input)
  checkFunction('run', fn)
  // Whoever calls may use the object again, for the next tenant.
  const { tenant, switch: switches } = input
  const actor = actorOf(input)
  await host.starting
  const around = ambientContext()
  if (around?.kind === 'tenant' && around.tenant.id !== tenant && switches !== true) {
    throw new ThroughlineError('TENANT_SWITCH_REFUSED', { details: { open: around.tenant.id, asked: tenant } })
  }
  return recordedRun(host, { tenant, actor, traceId }, fn)
}

/** Who runs, and what it belongs to. */
interface RecordedRun {
  readonly tenant: string
  readonly actor: Actor
  readonly traceId: string | undefined
  readonly request?: RequestInfo | undefined
  /** It is part of what was let in and has not ended. */
  readonly inside?: boolean
}

/** Runs `fn` with a record of its own. */
async function recordedRun<R>(host: RunHost, run: RecordedRun, fn: Fn<R>): Promise<R> {
  const { tenant, actor, traceId, request, inside } = run
  const done = host.admit(inside)
  try {
    const trace = host.telemetry.parent()
    const activity = host.openActivity(trace?.traceId ?? traceId)
    activity.actor = actor
    activity.request = request
    return await settled({ host, activity, trace }, 'run.completed', async () => {
      const scope = await host.telemetry.context(async () => {
        const snapshot = await activeTenant(host, activity, tenant)
        return host.openScope({ snapshot, actor, activity, request, rule: undefined })
      })
      return decided(host, scope.holds, () => runWhole(scope, fn))
    })
  } finally {
    done()
  }
}

/** Continues in a captured context. */
export async function resumeCaptured<R>(host: RunHost, captured: CapturedContext, fn: Fn<R>): Promise<R> {
  const { tenant, actor, traceId } = readCaptured(captured)
  checkFunction('resume', fn)
  return runAsTenant(host, { tenant, actor }, fn, traceId)
}

/** Continues in an envelope's context, with its payload. */
export async function openEnvelope<T, R>(
  host: RunHost,
  message: unknown,
  fn: (payload: T) => R | Promise<R>,
): Promise<R> {
  const { context, payload } = readEnvelope(message)
  checkFunction('fromEnvelope', fn)
  return resumeCaptured(host, context, () => fn(payload as T))
}

/**
 * Enters a request that opened without a tenant: a webhook whose tenant is in its body. A record has one actor: what
 * further actors do in the request leaves records of their own.
 */
export async function enterAsTenant<R>(host: RunHost, activity: Activity, input: RunInput, fn: Fn<R>): Promise<R> {
  checkInput('enter', input)
  checkFunction('enter', fn)
  const { tenant } = input
  const actor = actorOf(input)
  const scope = await host.telemetry.context(async () => {
    const snapshot = await activeTenant(host, activity, tenant)
    if (activity.tenant !== undefined && activity.tenant !== snapshot.tenant.id) {
      // What the request did already would go to another tenant's trail and bill.
      throw new ThroughlineError('TENANT_SWITCH_REFUSED', {
        message: 'This request is of another tenant.',
        details: { open: activity.tenant, asked: tenant },
      })
    }
    if (isOfAnother(activity, actor)) return undefined
    return host.openScope({ snapshot, actor, activity, request: activity.request, rule: undefined })
  })
  if (scope) return decided(host, scope.holds, () => runWhole(scope, fn))
  const { traceId, request } = activity
  return recordedRun(host, { tenant, actor, traceId, request, inside: !activity.settled }, fn)
}

/** What it did already would be another actor's. */
function isOfAnother({ tenant, actor }: Activity, { type, id }: Actor): boolean {
  return tenant !== undefined && actor !== undefined && (actor.type !== type || actor.id !== id)
}

/** Runs `fn` as the operator; its acts are on the operator's trail, with the reason. */
export async function runAsPlatform<P, R>(
  host: RunHost,
  by: { readonly actor: ActorInput; readonly reason: string },
  platform: P,
  fn: (platform: P) => R | Promise<R>,
): Promise<R> {
  const actor = normaliseActor(by?.actor)
  if (!actor) throw new ThroughlineError('PLATFORM_REASON_REQUIRED')
  const reason = typeof by.reason === 'string' ? by.reason.trim().slice(0, 500) : ''
  if (reason === '') throw new ThroughlineError('PLATFORM_REASON_INVALID')
  checkFunction('platform.run', fn)
  await host.starting
  const done = host.admit()
  try {
    const trace = host.telemetry.parent()
    const activity = host.openActivity(trace?.traceId)
    activity.tenant = PLATFORM
    activity.actor = actor
    activity.reason = reason
    const context: PlatformContext = { kind: 'platform', owner: host, actor, reason, activity }
    return await settled({ host, activity, trace }, 'platform.run', () => runWhole(context, () => fn(platform)))
  } finally {
    done()
  }
}

/** Runs `fn` in a context to its end: what begins only when it is awaited, as queries do, begins there. */
function runWhole<R>(context: AmbientContext, fn: Fn<R>): Promise<R> {
  return runIn(context, async () => fn())
}

/** What a run leaves, and below which span. */
interface Run {
  readonly host: RunHost
  readonly activity: Activity
  readonly trace: TraceParent | undefined
}

/** The tenant's snapshot; that there is none, or that it is suspended, is on record. */
async function activeTenant(host: RunHost, activity: Activity, id: string): Promise<Snapshot> {
  const snapshot = await host.snapshot(id)
  if (!snapshot) throw refused(activity, 'TENANT_NOT_FOUND', 'tenant.unknown')
  if (snapshot.tenant.status !== 'suspended') return snapshot
  activity.tenant ??= snapshot.tenant.id
  throw refused(activity, 'TENANT_SUSPENDED', 'auth.refused')
}

function refused(activity: Activity, code: ErrorCode, action: string): ThroughlineError {
  const error = new ThroughlineError(code)
  noteRefusal(activity, error, action, false, {})
  return error
}

/** Closes the record with how the run ended. */
async function settled<R>({ host, activity, trace }: Run, action: string, fn: Fn<R>): Promise<R> {
  const settle = (outcome: Outcome): MaybePromise<void> => {
    const tenant = activity.tenant === PLATFORM ? undefined : activity.tenant
    return host.telemetry.settle(trace, tenant, () => activity.settle(action, outcome))
  }
  let result: R
  try {
    result = await fn()
  } catch (error) {
    noteError(activity, error)
    await settle(activity.refused ? 'refused' : 'failure')
    throw error
  }
  await settle('success')
  return result
}

/** Decides what guards reserved by how `fn` ended. */
async function decided<R>(host: RunHost, holds: Holds, fn: Fn<R>): Promise<R> {
  let result: R
  try {
    result = await fn()
  } catch (error) {
    await giveBack(() => holds.decide(false), host)
    throw error
  }
  await holds.decide(true)
  return result
}
