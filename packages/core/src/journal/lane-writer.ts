import { newId } from '../clock.ts'
import { ThroughlineError } from '../errors.ts'
import type { JournalBatch } from '../storage/records.ts'
import type { AddOptions } from './activity.ts'
import { Group } from './group.ts'
import { RefusalWindow } from './refusal-window.ts'

/** Lines waiting to be appended; beyond it nothing is acknowledged any more (503 `RECORDS_FULL`). */
const MAX_PENDING = 20_000
/** Characters of them. */
const MAX_PENDING_LENGTH = 64 * 1024 * 1024

/** What the writer needs of a spill. */
export interface SpillTarget {
  /** While true every batch goes to the spill, so that the order of a writer's batches is kept. */
  readonly active: boolean
  /**
   * Resolves once the batch is in the file, or `false` when all before it was replayed while it waited: then it may go
   * to the journal itself. Rejects with `RECORDS_FULL`.
   */
  write(batch: JournalBatch): Promise<boolean>
}

export interface LaneWriterOptions {
  readonly lane: number
  readonly writer: string
  append(batch: JournalBatch): Promise<void>
  /** Where a batch goes whose append failed; absent where the storage is this process's memory. */
  readonly spill: SpillTarget | undefined
  now(): number
  onAppended(): void
  onFailure(error: unknown): void
}

/**
 * Group commit of one lane: the records that finish while an append is under way are the next batch, one journal row.
 * One append at a time keeps a writer's sequence dense and in order.
 */
export class LaneWriter {
  readonly #options: LaneWriterOptions
  readonly #refusals = new RefusalWindow()
  #group: Group | undefined
  #scheduled = false
  #busy = false
  #seq = 0
  /** Could be neither appended nor spilled: tried again before anything that comes after it. */
  #stuck: JournalBatch | undefined
  readonly #idle: (() => void)[] = []

  constructor(options: LaneWriterOptions) {
    this.#options = options
  }

  /** Whether the newest batch reached the journal itself. */
  get healthy(): boolean {
    return this.#stuck === undefined && !this.#options.spill?.active
  }

  add(tenant: string, line: string, options: AddOptions | undefined): Promise<void> {
    this.#group ??= new Group()
    const group = this.#group
    if (group.count >= MAX_PENDING || group.length >= MAX_PENDING_LENGTH) {
      return Promise.reject(new ThroughlineError('RECORDS_FULL'))
    }
    const fold = options?.fold
    const first = fold && this.#refusals.firstOf(`${tenant}\n${fold.key}`, fold)
    if (first) group.repeat(tenant, first)
    else group.add(line)
    this.#schedule()
    return options?.strict ? group.strict : group.settled
  }

  /** Resolves when nothing waits any more. */
  idle(): Promise<void> {
    if (!this.#group && !this.#busy) return Promise.resolve()
    return new Promise((resolve) => {
      this.#idle.push(resolve)
    })
  }

  /** Tries a stuck batch again; true when none is left. */
  async recover(): Promise<boolean> {
    if (this.#stuck && !this.#busy) {
      this.#busy = true
      await this.#unstick()
      this.#done()
    }
    return this.#stuck === undefined
  }

  #schedule(): void {
    if (this.#busy || this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      void this.#flush()
    })
  }

  async #flush(): Promise<void> {
    const group = this.#group
    if (!group || this.#busy) return
    this.#busy = true
    this.#group = undefined
    const failure = await this.#unstick()
    if (failure) {
      // It never got a sequence and is not kept: this is a definite no.
      // A refusal among them is not on the trail: the next one can't add to its count.
      this.#refusals.clear()
      group.failed(failure)
    } else await this.#store(group)
    this.#done()
  }

  async #store(group: Group): Promise<void> {
    const { writer, lane, now, onAppended } = this.#options
    const at = now()
    this.#seq += 1
    const batch: JournalBatch = { writer, seq: this.#seq, lane, at, body: group.body(() => newId(at), at) }
    try {
      const spilled = await this.#record(batch)
      if (spilled) group.spilled(spilled)
      else {
        group.appended()
        onAppended()
      }
    } catch (cause) {
      this.#stuck = batch
      // It has its sequence and is tried again: what is in it may be stored yet.
      group.failed(new ThroughlineError('OUTCOME_UNKNOWN', { cause }))
    }
  }

  /** Appends the batch, or spills it and answers what to say to those who asked for the journal itself. */
  async #record(batch: JournalBatch): Promise<ThroughlineError | undefined> {
    const { append, spill, onFailure } = this.#options
    if (spill?.active && (await spill.write(batch))) return new ThroughlineError('OUTCOME_UNKNOWN')
    try {
      await append(batch)
      return undefined
    } catch (cause) {
      onFailure(cause)
      if (!spill) throw new ThroughlineError('RECORDS_UNAVAILABLE', { cause })
      await spill.write(batch)
      return new ThroughlineError('OUTCOME_UNKNOWN', { cause })
    }
  }

  async #unstick(): Promise<unknown> {
    const batch = this.#stuck
    if (!batch) return undefined
    const { spill, append } = this.#options
    try {
      if (!(spill?.active && (await spill.write(batch)))) await append(batch)
      this.#stuck = undefined
      return undefined
    } catch (error) {
      return error instanceof ThroughlineError ? error : new ThroughlineError('RECORDS_UNAVAILABLE', { cause: error })
    }
  }

  #done(): void {
    this.#busy = false
    if (this.#group) this.#schedule()
    else for (const resolve of this.#idle.splice(0)) resolve()
  }
}
