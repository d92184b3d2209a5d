import { createHash } from 'node:crypto'
import { newId, newTraceId } from '../clock.ts'
import type { EventTemplate } from '../event.ts'
import type { RequestAnswer } from '../request-answer.ts'
import type { JournalEvent } from '../storage/journal-record.ts'
import { hourOf } from '../storage/quota-period.ts'
import { usageMetadata } from '../storage/usage-event.ts'
import type { DecisionCounter } from '../telemetry-port.ts'
import type { Actor, Outcome, RequestInfo } from '../vocabulary.ts'
import { PLATFORM } from '../vocabulary.ts'
import { CountedEvents } from './counted-events.ts'
import type { OpenPosition } from './open-activities.ts'
import type { RequestEnd } from './request-json.ts'
import { requestJson } from './request-json.ts'
import type { UsageNote } from './usage-template.ts'
import { usageTemplate } from './usage-template.ts'

/** Events of one record at the most; what goes beyond starts a further part, nothing is dropped. */
const MAX_EVENTS = 200
/** Routine events that are counted at the most until they are put on record: a context that meets fewer counts all of them. */
const MAX_COUNTED = 5_000

/** Where an activity's lines go. */
export interface ActivitySink {
  /** Absent while nobody measures. */
  readonly decisions?: DecisionCounter | undefined
  now(): number
  /** Told of every routine event that is recorded, once for each part of a record that has it. */
  folded?(template: EventTemplate, at: number): void
  /** The record has its own event: what comes after is a further part. */
  closed(activity: Activity): void
  /** Queues one line; the promise resolves once it is durable. */
  add(tenant: string, line: string, options?: AddOptions): Promise<void>
}

export interface AddOptions {
  /** Never spilled: rejects with `OUTCOME_UNKNOWN` when the append fails. */
  readonly strict?: boolean
  /** Equal refusals of one minute count as one; see {@link Activity.refuse}. */
  readonly fold?: { readonly key: string; readonly id: string; readonly at: number }
}

/** The one record a context leaves, its events folded in with counts. */
export class Activity implements OpenPosition {
  readonly id: string
  readonly at: number
  /** `undefined` until resolved: then the record goes to the operator's trail. */
  tenant: string | undefined
  actor: Pick<Actor, 'id' | 'type' | 'name'> | undefined
  reason: string | undefined
  request: RequestInfo | undefined
  answer: RequestAnswer | undefined
  end: RequestEnd | undefined
  strict = false
  background = false
  openAt = -1
  readonly #sink: ActivitySink
  #trace: string | undefined
  #part = 1
  #settled = false
  #discarded = false
  #owes = false
  #partPending: Promise<void> | undefined
  /** Parts that were begun because there was no room left; rejects when one of them could not be kept. */
  #overflowed: Promise<void> | undefined
  readonly #counted = new CountedEvents()
  #events: string[] = []
  #refusal: string | undefined
  #effects = false
  #failed = false

  constructor(sink: ActivitySink, trace?: string) {
    this.#sink = sink
    this.at = sink.now()
    this.id = newId(this.at)
    this.#trace = trace
  }

  get traceId(): string {
    this.#trace ??= newTraceId()
    return this.#trace
  }

  get settled(): boolean {
    return this.#settled
  }

  /** Something of it was refused (and not just observed). */
  get refused(): boolean {
    return this.#refusal !== undefined
  }

  /** An error was noted. */
  get failed(): boolean {
    return this.#failed
  }

  /** Usage was recorded that no part has yet. */
  get owes(): boolean {
    return this.#owes
  }

  /** It has no event of its own, and no more is to come of it but usage. */
  discard(): void {
    this.#discarded = true
    this.#sink.closed(this)
  }

  /** Counts a routine event. */
  fold(template: EventTemplate, count = 1): void {
    this.#counted.add(template, count)
    if (this.#counted.size >= MAX_COUNTED) this.#overflow(0)
    if (this.#settled) this.#later()
  }

  /** Keeps a notable event. */
  note(event: JournalEvent): void {
    if (event.outcome === 'refused' && event.metadata?.observed !== true) {
      this.#refusal ??= JSON.stringify([event.action, event.targets?.[0]?.id, event.metadata?.code])
    } else this.#effects = true
    if (event.action === 'error') this.#failed = true
    this.#sink.decisions?.noted(event)
    const after = this.#sink.now() - this.at
    this.#events.push(JSON.stringify(after > 0 ? { ...event, after } : event))
    this.#grown()
    if (this.#settled) this.#later()
  }

  recordUsage(usage: UsageNote): void {
    this.#effects = true
    this.#owes = true
    if (this.#discarded) this.#later()
    const now = this.#sink.now()
    // What is counted has the record's time: in another hour it would be in another period's sum.
    if (usage.key === undefined && hourOf(now) === hourOf(this.at)) {
      this.fold(usageTemplate(usage, this.at))
      return
    }
    const targets = [{ type: 'meter', id: usage.meter }]
    const metadata = usageMetadata(usage, now)
    this.#events.push(JSON.stringify({ action: 'usage.recorded', after: now - this.at, targets, metadata }))
    this.#grown()
    if (this.#settled) this.#later()
  }

  /** Makes what was noted so far durable, as one part of the record. */
  settlePart(): Promise<void> {
    if (this.#waiting === 0) return this.#withOverflow(this.#partPending ?? Promise.resolve())
    this.#overflow(MAX_EVENTS)
    return this.#withOverflow(this.#sink.add(this.tenant ?? PLATFORM, this.#line(undefined), { strict: this.strict }))
  }

  /**
   * Closes the record with its own event: the promise resolves once all of it is durable. What comes after is a
   * further part.
   */
  settle(action: string, outcome: Outcome, metadata?: JournalEvent['metadata']): Promise<void> {
    this.#settled = true
    this.#sink.closed(this)
    this.#overflow(MAX_EVENTS)
    const primary = metadata
      ? JSON.stringify({ action, outcome, metadata })
      : outcome === 'success'
        ? `{"action":"${action}"}`
        : `{"action":"${action}","outcome":"${outcome}"}`
    const tenant = this.tenant ?? PLATFORM
    const key = this.#effects || this.#part > 1 ? undefined : this.#foldKey()
    if (key === undefined) {
      return this.#withOverflow(this.#sink.add(tenant, this.#line(primary), this.strict ? { strict: true } : undefined))
    }
    const fold = { key, id: this.id, at: this.at }
    return this.#sink.add(tenant, this.#line(primary), { strict: this.strict, fold })
  }

  /**
   * Equal refusals on one route are one event a minute, with a count, if the same was served before them, as often; so
   * are requests that never had a tenant.
   */
  #foldKey(): string | undefined {
    if (this.#refusal === undefined && (this.tenant !== undefined || !this.request)) return undefined
    // What counts one more of the first is as many more of all that it holds.
    const events: string[] = []
    for (let counted = this.#counted.first; counted; counted = counted.next) {
      events.push(`${counted.count} ${counted.template.open}`)
    }
    const served = events.join('\n')
    return JSON.stringify([
      this.#refusal,
      this.actor?.type,
      this.actor?.id,
      this.request?.method,
      this.end?.route,
      this.end?.status,
      served === '' ? '' : createHash('sha256').update(served).digest('base64'),
    ])
  }

  /** Events that no part has yet. */
  get #waiting(): number {
    return this.#events.length + this.#counted.size
  }

  #grown(): void {
    if (this.#events.length >= MAX_EVENTS && !this.#settled) this.#begin()
  }

  /** Begins further parts until no more wait than this. */
  #overflow(most: number): void {
    while (this.#waiting > most) this.#begin()
  }

  #begin(): void {
    this.#overflowed = this.#withOverflow(this.#sink.add(this.tenant ?? PLATFORM, this.#line(undefined)))
    this.#overflowed.catch(ignore)
  }

  /** Nothing is acknowledged whose earlier parts are not durable. */
  #withOverflow(added: Promise<void>): Promise<void> {
    return this.#overflowed ? Promise.all([this.#overflowed, added]).then(ignore) : added
  }

  #later(): void {
    this.#partPending ??= new Promise<void>((resolve) => setImmediate(resolve)).then(() => {
      this.#partPending = undefined
      return this.settlePart()
    })
    this.#partPending.catch(ignore)
  }

  #line(primary: string | undefined): string {
    const actor = this.actor
    let line = `{"id":"${this.#part === 1 ? this.id : newId(this.#sink.now())}","tenant":${JSON.stringify(this.tenant ?? PLATFORM)},"at":${this.at}`
    line += actor
      ? `,"actor":{"type":"${actor.type}","id":${JSON.stringify(actor.id)}${actor.name === undefined ? '' : `,"name":${JSON.stringify(actor.name)}`}}`
      : ',"actor":{"type":"user","id":"anonymous"}'
    if (this.#trace !== undefined) line += `,"trace":"${this.#trace}"`
    if (this.#part > 1) line += `,"part":${this.#part},"of":"${this.id}"`
    if (this.request) line += `,"request":${requestJson(this.request, this.end)}`
    if (this.reason !== undefined) line += `,"reason":${JSON.stringify(this.reason)}`
    line += ',"events":['
    let comma = ''
    if (primary !== undefined) {
      line += primary
      comma = ','
    }
    const events = this.#events
    this.#events = events.length > MAX_EVENTS ? events.splice(MAX_EVENTS) : []
    for (const event of events) {
      line += comma + event
      comma = ','
    }
    let counted = this.#counted.take(MAX_EVENTS - events.length)
    const decisions = counted && this.#sink.decisions
    for (; counted; counted = counted.next) {
      const { template, count } = counted
      decisions?.folded(template, count)
      this.#sink.folded?.(template, this.at)
      line += `${comma}${template.open}${count === 1 ? '}' : `,"count":${count}}`}`
      comma = ','
    }
    this.#part += 1
    if (this.#waiting === 0) this.#owes = false
    return `${line}]}`
  }
}

function ignore(): void {
  // Whoever settles is told.
}
