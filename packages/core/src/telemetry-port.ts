import type { EventTemplate } from './event.ts'
import type { MaybePromise } from './maybe-promise.ts'
import type { JournalEvent } from './storage/journal-record.ts'
import type { Tenant } from './vocabulary.ts'

/** Which part decided. */
export type DecisionLayer = 'resolution' | 'membership' | 'flag' | 'limit' | 'quota' | 'role' | 'plan'

/** Counts decisions by layer, outcome and name; never by tenant, of whom there are too many for a label. */
export interface DecisionCounter {
  allowed(layer: DecisionLayer, name?: string): void
  /** Routine events, as often as a context met them: once per settled part, not per event. */
  folded(template: EventTemplate, count: number): void
  noted(event: JournalEvent): void
  /** A guard let a call pass, `role:admin` for one. */
  passed(guard: string): void
}

/** The span in force when something began. */
export interface TraceParent {
  readonly traceId: string
  /** Spans below it are kept; without, only its id is of use. */
  readonly recording: boolean
  /** OpenTelemetry's context, opaque to the rest. */
  readonly context: object
}

/** What the path of a request tells telemetry. No member throws, and none costs anything to name without an SDK. */
export interface TelemetryPort {
  /** Undefined while no meter provider is registered. */
  readonly decisions: DecisionCounter | undefined
  /** Undefined while no span is active. */
  parent(): TraceParent | undefined
  /** Names the tenant on the active span. */
  entered(tenant: Tenant): void
  /** Runs `enter` in a span below the active one, and names the tenant that it answers on both. */
  context<S extends { readonly tenant: Tenant } | undefined>(enter: () => MaybePromise<S>): MaybePromise<S>
  guards(
    names: readonly { readonly name: string }[],
    tenant: Tenant,
    check: () => MaybePromise<void>,
  ): MaybePromise<void>
  settle<R>(parent: TraceParent | undefined, tenant: string | undefined, run: () => MaybePromise<R>): MaybePromise<R>
  /** Whether {@link context} and {@link guards} would record anything now. */
  readonly tracing: boolean
}
