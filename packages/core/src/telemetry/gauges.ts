import type { BatchObservableCallback, Meter, Observable } from '@opentelemetry/api'
import { inTime } from '../in-time.ts'
import { METRICS } from './metrics.ts'

/** A database that does not answer must not hold the other gauges back longer than this. */
const MEASURE_MS = 2_000

/** What the gauges show; what is undefined is not known now, and not shown. */
export interface Measures {
  readonly rows: number | undefined
  /** ms */
  readonly ageMs: number | undefined
  /** ms; undefined where another process projects, too. */
  readonly lagMs: number | undefined
  readonly failures: number
  readonly spilledBytes: number
}

export interface GaugeOptions {
  /** Asks the database once at the most. */
  measure(): Promise<Measures>
  /** ms: without the database. */
  snapshotAge(): number
}

/** Registers the gauges; they are read together, once per collection. Returns what unregisters them. */
export function registerGauges(meter: Meter, options: GaugeOptions): () => void {
  const gauge = ({ name, ...about }: (typeof METRICS)[keyof typeof METRICS]): Observable =>
    meter.createObservableGauge(name, about)
  const { name: failuresName, ...failuresAbout } = METRICS.settleFailures
  const rows = gauge(METRICS.journalRows)
  const age = gauge(METRICS.journalAge)
  const lag = gauge(METRICS.projectorLag)
  const spilled = gauge(METRICS.spillBytes)
  const snapshot = gauge(METRICS.snapshotAge)
  const failures = meter.createObservableCounter(failuresName, failuresAbout)
  const all = [rows, age, lag, spilled, snapshot, failures]
  const observe: BatchObservableCallback = async (result) => {
    result.observe(snapshot, options.snapshotAge())
    const measures = await inTime(MEASURE_MS, 'The database', options.measure()).catch(() => undefined)
    if (!measures) return
    result.observe(spilled, measures.spilledBytes)
    result.observe(failures, measures.failures)
    if (measures.rows !== undefined) result.observe(rows, measures.rows)
    if (measures.ageMs !== undefined) result.observe(age, measures.ageMs)
    if (measures.lagMs !== undefined) result.observe(lag, measures.lagMs)
  }
  meter.addBatchObservableCallback(observe, all)
  return () => meter.removeBatchObservableCallback(observe, all)
}
