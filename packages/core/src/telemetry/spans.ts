import type { Attributes, Context, Span, Tracer } from '@opentelemetry/api'
import { context, ROOT_CONTEXT, SpanStatusCode, trace } from '@opentelemetry/api'
import { ThroughlineError } from '../errors.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import { isPromise } from '../maybe-promise.ts'
import type { TraceParent } from '../telemetry-port.ts'
import type { Tenant } from '../vocabulary.ts'

/** Who is named on a span: the first tenant stays. One that works for several is no one's, and never the last one's. */
const named = new WeakMap<Span, string>()

/** The span that is active and kept, if there is one. */
export function recordingSpan(): Span | undefined {
  const span = trace.getActiveSpan()
  return span?.isRecording() ? span : undefined
}

/** The span in force, kept or not. */
export function traceParent(): TraceParent | undefined {
  const span = trace.getActiveSpan()
  if (!span) return undefined
  const spanContext = span.spanContext()
  if (!trace.isSpanContextValid(spanContext)) return undefined
  return { traceId: spanContext.traceId, recording: span.isRecording(), context: context.active() }
}

/** Names a tenant on a span, by the attribute of that name, unless another one is named there. */
export function nameTenant(span: Span, attribute: string, tenant: Pick<Tenant, 'id' | 'plan'>): void {
  const before = named.get(span)
  if (before !== undefined) return
  named.set(span, tenant.id)
  span.setAttribute(attribute, tenant.id)
  if (tenant.plan !== undefined) span.setAttribute('tenant.plan', tenant.plan)
}

/**
 * Runs `fn` in a span: what it starts is below it. A refusal is no error of the span: it is an attribute. Texts of
 * errors stay out, they may hold what must not leave the process.
 */
export function inSpan<R>(
  tracer: Tracer,
  about: { readonly name: string; readonly attributes?: Attributes; readonly parent?: TraceParent },
  fn: (span: Span) => MaybePromise<R>,
): MaybePromise<R> {
  const parent = (about.parent?.context as Context | undefined) ?? context.active()
  const span = tracer.startSpan(about.name, about.attributes ? { attributes: about.attributes } : {}, parent)
  const failed = (error: unknown): never => {
    endFailed(span, error)
    throw error
  }
  let result: MaybePromise<R>
  try {
    result = context.with(trace.setSpan(parent, span), () => fn(span))
  } catch (error) {
    return failed(error)
  }
  if (isPromise(result)) {
    return result.then((value) => {
      span.end()
      return value
    }, failed)
  }
  span.end()
  return result
}

function endFailed(span: Span, error: unknown): void {
  if (error instanceof ThroughlineError) span.setAttribute('throughline.code', error.code)
  if (error instanceof ThroughlineError && error.status < 500) span.setAttribute('throughline.outcome', 'refused')
  else {
    span.setAttribute('throughline.outcome', 'failed')
    if (error instanceof Error) span.setAttribute('error.type', error.name)
    span.setStatus({ code: SpanStatusCode.ERROR })
  }
  span.end()
}

/** Runs what serves many contexts at once outside of the trace that happened to begin it. */
export function detached<R>(fn: () => R): R {
  return context.active() === ROOT_CONTEXT ? fn() : context.with(ROOT_CONTEXT, fn)
}
