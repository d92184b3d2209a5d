import type { Meter, MeterProvider, Tracer } from '@opentelemetry/api'
import { createNoopMeter, metrics, trace } from '@opentelemetry/api'
import type { MaybePromise } from '../maybe-promise.ts'
import type { DecisionCounter, TelemetryPort, TraceParent } from '../telemetry-port.ts'
import type { Tenant } from '../vocabulary.ts'
import { CountedDecisions } from './decision-counter.ts'
import type { Measures } from './gauges.ts'
import { registerGauges } from './gauges.ts'
import { METRICS } from './metrics.ts'
import { inSpan, nameTenant, recordingSpan, traceParent } from './spans.ts'
import { WindowMax } from './window-max.ts'

const SCOPE = '@throughline/core'

export interface TelemetryParts {
  /** Name of the span attribute that holds the tenant's id. */
  readonly tenantAttribute: string
  /** `false`: the tenant is named on the app's spans, and there are none of ours. */
  readonly spans: boolean
  measure(): Promise<Measures>
  now(): number
}

/**
 * One instance's spans and metrics, by OpenTelemetry's API alone: whichever SDK the app registers, before or after.
 * Without one, nothing is made or kept.
 */
export class Telemetry implements TelemetryPort {
  readonly #parts: TelemetryParts
  /** A proxy: it reaches an SDK that is registered later. */
  readonly #tracer: Tracer = trace.getTracer(SCOPE)
  readonly #snapshotAge = new WindowMax()
  #provider: MeterProvider | undefined
  #decisions: CountedDecisions | undefined
  #unregister: (() => void) | undefined
  #closed = false

  constructor(parts: TelemetryParts) {
    this.#parts = parts
    this.look()
  }

  /** Meters have no proxy: a provider that was registered meanwhile is found by looking. */
  look(): void {
    const provider = metrics.getMeterProvider()
    if (provider === this.#provider || this.#closed) return
    this.#leave()
    this.#provider = provider
    const meter = provider.getMeter(SCOPE)
    if (meter !== createNoopMeter()) this.#use(meter)
  }

  /** Of the provider that was there when a context last began. */
  get decisions(): DecisionCounter | undefined {
    return this.#decisions
  }

  get tracing(): boolean {
    return this.#parts.spans && recordingSpan() !== undefined
  }

  /** Asked once by whatever opens a context. */
  parent(): TraceParent | undefined {
    this.look()
    return traceParent()
  }

  entered(tenant: Tenant): void {
    const span = recordingSpan()
    if (span) nameTenant(span, this.#parts.tenantAttribute, tenant)
  }

  context<S extends { readonly tenant: Tenant } | undefined>(enter: () => MaybePromise<S>): MaybePromise<S> {
    const around = this.#parts.spans ? recordingSpan() : undefined
    if (!around) return enter()
    const { tenantAttribute } = this.#parts
    return inSpan(this.#tracer, { name: 'throughline.context' }, (span) => {
      const entering = enter()
      const entered = (scope: S): S => {
        if (scope) for (const it of [span, around]) nameTenant(it, tenantAttribute, scope.tenant)
        return scope
      }
      return entering instanceof Promise ? entering.then(entered) : entered(entering as S)
    })
  }

  guards(
    guards: readonly { readonly name: string }[],
    tenant: Tenant,
    check: () => MaybePromise<void>,
  ): MaybePromise<void> {
    if (!this.tracing) return check()
    const attributes = { 'throughline.guards': guards.map(({ name }) => name), 'throughline.outcome': 'allowed' }
    return inSpan(this.#tracer, { name: 'throughline.guards', attributes }, (span) => {
      nameTenant(span, this.#parts.tenantAttribute, tenant)
      return check()
    })
  }

  settle<R>(parent: TraceParent | undefined, tenant: string | undefined, run: () => MaybePromise<R>): MaybePromise<R> {
    if (!parent?.recording || !this.#parts.spans) return run()
    return inSpan(this.#tracer, { name: 'throughline.settle', parent }, (span) => {
      if (tenant !== undefined) nameTenant(span, this.#parts.tenantAttribute, { id: tenant })
      return run()
    })
  }

  /** A context began with a snapshot that was last known to be current `ageMs` ago. */
  sawSnapshot(ageMs: number): void {
    if (this.#decisions) this.#snapshotAge.add(ageMs, this.#parts.now())
  }

  close(): void {
    this.#closed = true
    this.#leave()
  }

  #use(meter: Meter): void {
    const { measure, now } = this.#parts
    const { name, ...about } = METRICS.decisions
    this.#decisions = new CountedDecisions(meter.createCounter(name, about))
    this.#unregister = registerGauges(meter, { measure, snapshotAge: () => this.#snapshotAge.read(now()) })
  }

  #leave(): void {
    this.#unregister?.()
    this.#unregister = undefined
    this.#decisions = undefined
    this.#provider = undefined
  }
}
