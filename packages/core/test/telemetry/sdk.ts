import { context, metrics, propagation, trace } from '@opentelemetry/api'
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks'
import type { DataPoint } from '@opentelemetry/sdk-metrics'
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from '@opentelemetry/sdk-metrics'
import type { ReadableSpan, Sampler } from '@opentelemetry/sdk-trace'
import { InMemorySpanExporter, SimpleSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace'

/** The real SDK with exporters in memory. Nothing is exported unless a test asks. */
export class Sdk {
  readonly #spans = new InMemorySpanExporter()
  readonly #metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  readonly #tracers: TracerProvider
  readonly #meters: MeterProvider

  constructor({ sampler }: { readonly sampler?: Sampler } = {}) {
    const spanProcessors = [new SimpleSpanProcessor({ exporter: this.#spans })]
    this.#tracers = new TracerProvider({ spanProcessors, ...(sampler && { sampler }) })
    const reader = new PeriodicExportingMetricReader({ exporter: this.#metrics, exportIntervalMillis: 3_600_000 })
    this.#meters = new MeterProvider({ readers: [reader] })
  }

  register(): this {
    context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable())
    trace.setGlobalTracerProvider(this.#tracers)
    metrics.setGlobalMeterProvider(this.#meters)
    return this
  }

  async remove(): Promise<void> {
    context.disable()
    trace.disable()
    metrics.disable()
    propagation.disable()
    await this.#tracers.shutdown()
    await this.#meters.shutdown()
  }

  get spans(): readonly ReadableSpan[] {
    return this.#spans.getFinishedSpans()
  }

  /** The one finished span of a name, below a parent if that is named. */
  span(name: string, below?: ReadableSpan): ReadableSpan {
    const found = this.spans.filter(
      (it) => it.name === name && (!below || it.parentSpanContext?.spanId === below.spanContext().spanId),
    )
    if (found.length !== 1) throw new Error(`There are ${found.length} spans "${name}".`)
    return found[0] as ReadableSpan
  }

  /** Data points of all instruments by name, collected now. */
  async collect(): Promise<ReadonlyMap<string, readonly DataPoint<number>[]>> {
    this.#metrics.reset()
    await this.#meters.forceFlush()
    const all = this.#metrics.getMetrics().flatMap(({ scopeMetrics }) => scopeMetrics.flatMap((it) => it.metrics))
    return new Map(all.map((it) => [it.descriptor.name, it.dataPoints as DataPoint<number>[]]))
  }

  /** How often what was decided: `limit refused api` → 2, with the policy where it is not named as the limit. */
  async decisions(): Promise<Readonly<Record<string, number>>> {
    const points = (await this.collect()).get('throughline.decisions') ?? []
    return Object.fromEntries(
      points.map(({ attributes: { layer, outcome, name, policy, degraded }, value }) => [
        [layer, outcome, name, policy === name ? undefined : policy, degraded]
          .filter((it) => it !== undefined)
          .join(' '),
        value,
      ]),
    )
  }
}

/** Runs `fn` in a span of the app's own. */
export function inSpan<R>(name: string, fn: () => Promise<R>): Promise<R> {
  return trace.getTracer('app').startActiveSpan(name, (span) => fn().finally(() => span.end()))
}
