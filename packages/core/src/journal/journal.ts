import { newId } from '../clock.ts'
import { ThroughlineError } from '../errors.ts'
import type { EventTemplate } from '../event.ts'
import { transactionWriter } from '../storage/change-stream.ts'
import { encodeBatch } from '../storage/journal-record.ts'
import type { Backlog, Change, CommitResult, JournalBatch, RecordsStore } from '../storage/records.ts'
import type { DecisionCounter } from '../telemetry-port.ts'
import type { ActivitySink, AddOptions } from './activity.ts'
import { Activity } from './activity.ts'
import { LaneWriter } from './lane-writer.ts'
import { OpenActivities } from './open-activities.ts'
import { Projector } from './projector.ts'
import { replayOrphans, SpillFile } from './spill.ts'

const REPLAY_FIRST_MS = 50
const REPLAY_LAST_MS = 2_000
/** What a stream or a job does is durable this long after it did it, at the latest. */
const PART_MS = 5_000
/** A journal whose oldest row waits longer than this is not being projected. */
const STALLED_MS = 30_000

export interface JournalOptions {
  readonly records: Pick<RecordsStore, 'append' | 'appendWithin' | 'commit' | 'project' | 'backlog'>
  readonly lanes: number
  /** Absent: what can't be appended is refused. */
  readonly spill: { readonly directory: string; readonly maxBytes: number } | undefined
  readonly durability: 'process' | 'disk'
  /** ms a read waits for the projector at the most. */
  readonly drainTimeout: number
  /** `false`: another process (`npx throughline worker`) projects. */
  readonly project: boolean
  now(): number
  onFailure(error: unknown): void
  /** Absent while nobody measures. */
  decisions?(): DecisionCounter | undefined
  /** Told of every routine event that is recorded, with the time of its record, ms. */
  folded?(template: EventTemplate, at: number): void
  /** Runs what serves many contexts outside of the trace of the one that began it; as it is unless given. */
  detached?<R>(fn: () => R): R
}

export interface JournalHealth {
  readonly status: 'ok' | 'degraded'
  readonly backlog: Backlog | undefined
  /** Bytes that wait in the spill file. */
  readonly spilledBytes: number
  /** Appends that failed since the start: what they held was spilled, or refused. */
  readonly failures: number
  /** ms that rows have waited without this process's projector getting through; undefined if the backlog is not known. */
  readonly projectorLagMs: number | undefined
}

/** The one append-only table that every record goes to first: group commit, spill and replay, projecting. */
export class Journal implements ActivitySink {
  readonly writer: string
  readonly #options: JournalOptions
  readonly #lanes: LaneWriter[]
  readonly #spills: SpillFile[]
  readonly #projector: Projector
  /** Contexts that have not settled: a long one is made durable in parts. */
  readonly #open = new OpenActivities()
  #partTimer: NodeJS.Timeout | undefined
  #replayTimer: NodeJS.Timeout | undefined
  #replayDelay = REPLAY_FIRST_MS
  #orphans = false
  #failures = 0
  #closed = false

  constructor(options: JournalOptions) {
    this.#options = options
    this.writer = newId(options.now())
    this.#projector = new Projector({
      holder: this.writer,
      project: (request) => this.#detached(() => options.records.project(request)),
      backlog: () => this.#detached(() => options.records.backlog()),
      onFailure: options.onFailure,
    })
    this.#spills = []
    this.#lanes = Array.from({ length: options.lanes }, (_, lane) => this.#openLane(lane))
  }

  now(): number {
    return this.#options.now()
  }

  folded(template: EventTemplate, at: number): void {
    this.#options.folded?.(template, at)
  }

  get decisions(): DecisionCounter | undefined {
    return this.#options.decisions?.()
  }

  /** Whether the newest records reached the journal itself: strict routes refuse before the handler if not. */
  get healthy(): boolean {
    return this.#lanes.every((lane) => lane.healthy)
  }

  /** Replays what ended processes left in the spill's directory. */
  async start(): Promise<void> {
    await this.#replayOrphans()
    if (this.#options.project) this.#projector.kick()
    this.#partTimer = setInterval(() => this.#settleParts(), PART_MS).unref()
  }

  openActivity(trace?: string): Activity {
    const activity = new Activity(this, trace)
    this.#open.add(activity)
    return activity
  }

  closed(activity: Activity): void {
    this.#open.delete(activity)
  }

  add(tenant: string, line: string, options?: AddOptions): Promise<void> {
    if (this.#closed) return Promise.reject(new ThroughlineError('CLOSED'))
    return (this.#lanes[this.laneOf(tenant)] as LaneWriter).add(tenant, line, options)
  }

  /**
   * Applies a state change with its own record, in one transaction.
   *
   * @throws ThroughlineError `RECORDS_UNAVAILABLE`, `OUTCOME_UNKNOWN`
   */
  async commit(
    tenant: string,
    change: Pick<Change, 'writes' | 'quotas'>,
    lines: readonly string[],
  ): Promise<CommitResult> {
    if (this.#closed) throw new ThroughlineError('CLOSED')
    const result = await this.#options.records
      .commit({ ...change, writer: this.writer, lane: this.laneOf(tenant), body: encodeBatch(lines) })
      .catch((error: unknown) => {
        throw error instanceof ThroughlineError ? error : new ThroughlineError('OUTCOME_UNKNOWN', { cause: error })
      })
    if (result.status === 'committed') this.#appended()
    return result
  }

  /**
   * Appends records through a transaction of the app's own: they are there if and only if it is committed.
   *
   * @param transaction with what resolves once it is committed, where it is known: only then they can be projected
   * @throws ThroughlineError `WITHIN_UNSUPPORTED`, `RECORDS_UNAVAILABLE`
   */
  async appendWithin(
    transaction: { readonly executionPromise?: Promise<unknown> | undefined },
    tenant: string,
    lines: readonly string[],
  ): Promise<void> {
    if (this.#closed) throw new ThroughlineError('CLOSED')
    const { records, now } = this.#options
    const at = now()
    const writer = transactionWriter(newId(at))
    const batch = { writer, seq: 1, lane: this.laneOf(tenant), at, body: encodeBatch(lines) }
    await this.#detached(async () => records.appendWithin?.(transaction, batch))
    const kick = (): void => this.#appended()
    Promise.resolve(transaction.executionPromise).then(kick, kick)
  }

  laneOf(tenant: string): number {
    const { lanes } = this.#options
    if (lanes === 1) return 0
    let hash = 0
    for (let i = 0; i < tenant.length; i++) hash = (Math.imul(hash, 31) + tenant.charCodeAt(i)) | 0
    return (hash >>> 0) % lanes
  }

  /** Makes everything acknowledged so far visible to reads. */
  async drain(): Promise<{ behind: boolean }> {
    if (this.#spills.some((spill) => spill.active)) await this.#recover()
    const behind = this.#spills.some((spill) => spill.active)
    const drained = await this.#projector.drain(this.#options.drainTimeout)
    return { behind: behind || drained.behind }
  }

  async health(): Promise<JournalHealth> {
    const spilledBytes = this.#spills.reduce((sum, spill) => sum + spill.size, 0)
    const backlog = await this.#options.records.backlog().catch(() => undefined)
    const projecting = backlog !== undefined && backlog.ageMs < STALLED_MS
    return {
      status: this.healthy && projecting && !this.#orphans ? 'ok' : 'degraded',
      backlog,
      spilledBytes,
      failures: this.#failures,
      projectorLagMs: backlog && this.#options.project ? this.#projector.lagMs(backlog) : undefined,
    }
  }

  /** Appends what waits, replays and projects what it can, and stops. */
  async close(): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.idle()))
    this.#closed = true
    clearInterval(this.#partTimer)
    clearTimeout(this.#replayTimer)
    await this.#recover().catch(this.#options.onFailure)
    if (this.#options.project) await this.#projector.drain(this.#options.drainTimeout).catch(this.#options.onFailure)
    await this.#projector.close()
    await Promise.all(this.#spills.map((spill) => spill.close()))
  }

  #openLane(lane: number): LaneWriter {
    const { records, spill: spillOptions, durability, now, onFailure } = this.#options
    const writer = lane === 0 ? this.writer : `${this.writer}.${lane}`
    const append = (batch: JournalBatch): Promise<void> => this.#detached(() => records.append(batch))
    const appendNew = (batch: JournalBatch): Promise<void> =>
      append(batch).catch((error: unknown) => {
        this.#failures += 1
        throw error
      })
    const spill =
      spillOptions &&
      new SpillFile({
        ...spillOptions,
        writer,
        sync: durability === 'disk',
        append,
        onChange: (active) => {
          if (active) this.#scheduleReplay()
        },
      })
    if (spill) this.#spills.push(spill)
    return new LaneWriter({
      lane,
      writer,
      append: appendNew,
      spill,
      now,
      onAppended: () => this.#appended(),
      onFailure,
    })
  }

  #settleParts(): void {
    for (const activity of this.#open.before(this.now() - PART_MS)) {
      activity.settlePart().catch(this.#options.onFailure)
    }
  }

  #detached<R>(fn: () => R): R {
    const { detached } = this.#options
    return detached ? detached(fn) : fn()
  }

  #appended(): void {
    if (this.#options.project) this.#projector.kick()
  }

  #scheduleReplay(): void {
    if (this.#replayTimer || this.#closed) return
    this.#replayTimer = setTimeout(() => {
      this.#replayTimer = undefined
      void this.#recover()
    }, this.#replayDelay)
    this.#replayTimer.unref()
    this.#replayDelay = Math.min(this.#replayDelay * 2, REPLAY_LAST_MS)
  }

  async #recover(): Promise<void> {
    const replayed = await Promise.all(this.#spills.map((spill) => spill.replay()))
    const recovered = await Promise.all(this.#lanes.map((lane) => lane.recover()))
    if (this.#orphans) await this.#replayOrphans()
    if ([...replayed, ...recovered].every(Boolean) && !this.#orphans) {
      this.#replayDelay = REPLAY_FIRST_MS
      this.#appended()
    } else this.#scheduleReplay()
  }

  async #replayOrphans(): Promise<void> {
    const { spill, records } = this.#options
    if (!spill) return
    const { complete } = await replayOrphans(spill.directory, (batch) => records.append(batch))
    this.#orphans = !complete
    if (this.#orphans) this.#scheduleReplay()
  }
}
