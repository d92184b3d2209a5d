import type { EventTemplate } from '../../event.ts'
import type { DocumentSet, DocumentWrite } from '../../storage/records.ts'
import type { Json } from '../../vocabulary.ts'
import { DAY_MS, dayOf } from './day.ts'
import { Deadline } from './deadline.ts'
import { definitionKey, definitionKeyParts } from './definition-key.ts'

/** When a flag last served a variant, and since when it has: days in UTC, `2026-11-24`. */
export interface ServedVariant {
  readonly flag: string
  readonly variant: string
  readonly first: string
  readonly last: string
}

export interface SeenFlagsOptions {
  /** What is known of all processes. */
  read(): Promise<DocumentSet>
  write(writes: readonly DocumentWrite[]): Promise<void>
  now(): number
  onFailure(error: unknown): void
}

/** Beside the platform's documents: what is written here changes no definition, and nobody has to look again. */
export const SEEN_SCOPE = '$flags'

const FLUSH_MS = 60_000
const CLOSE_MS = 1_000
/** Pairs of flag and variant at the most that wait to be written; a catalog has fewer. */
const MAX_WAITING = 10_000
const WRITES = 500

interface Mark {
  readonly flag: string
  readonly variant: string
  /** Days since the epoch: when this process last saw it. */
  day: number
}

/**
 * Which variants were served, to the day. Each process notes a variant once a day and writes what is new once a minute:
 * a process that is killed loses at most that minute's.
 */
export class SeenFlags {
  readonly #options: SeenFlagsOptions
  /** Templates live as long as the definition that prepared them. */
  readonly #marks = new WeakMap<EventTemplate, Mark>()
  #waiting = new Map<string, Mark>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: SeenFlagsOptions) {
    this.#options = options
  }

  start(): void {
    this.#timer = setInterval(() => void this.flush().catch(this.#options.onFailure), FLUSH_MS).unref()
  }

  /** Writes what is new, if that does not take long. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    const written = this.flush().catch(this.#options.onFailure)
    const time = new Deadline(CLOSE_MS)
    await time.within(written)
    time.end()
  }

  /** Told of every routine event that is recorded. */
  folded(template: EventTemplate, at: number): void {
    if (template.action !== 'flag.evaluated' || template.provider !== undefined) return
    const day = Math.floor(at / DAY_MS)
    let mark = this.#marks.get(template)
    if (mark?.day === day) return
    if (mark) mark.day = day
    else {
      mark = readMark(template, day)
      this.#marks.set(template, mark)
    }
    if (this.#waiting.size < MAX_WAITING) this.#waiting.set(keyOf(mark), mark)
  }

  /** Writes what is new. What can't be written is tried again. */
  async flush(): Promise<void> {
    const waiting = [...this.#waiting.values()]
    if (waiting.length === 0) return
    this.#waiting = new Map()
    try {
      const known = new Map((await this.served()).map((served) => [keyOf(served), served]))
      const writes = waiting.flatMap((mark) => writeOf(mark, known.get(keyOf(mark))) ?? [])
      for (let i = 0; i < writes.length; i += WRITES) await this.#options.write(writes.slice(i, i + WRITES))
    } catch (error) {
      for (const mark of waiting) if (!this.#waiting.has(keyOf(mark))) this.#waiting.set(keyOf(mark), mark)
      throw error
    }
  }

  /** What all processes have written. */
  async served(): Promise<readonly ServedVariant[]> {
    const { documents } = await this.#options.read()
    return documents.flatMap(({ key, value }) => {
      const [kind, flag, variant] = definitionKeyParts(key)
      if (kind !== 'served' || flag === undefined || variant === undefined) return []
      const { first, last } = value as { readonly first: string; readonly last: string }
      return [{ flag, variant, first, last }]
    })
  }
}

function readMark({ open }: EventTemplate, day: number): Mark {
  const event = JSON.parse(`${open}}`) as {
    readonly targets: readonly [{ readonly id: string }]
    readonly metadata: { readonly variant: string }
  }
  return { flag: event.targets[0].id, variant: event.metadata.variant, day }
}

function keyOf({ flag, variant }: Pick<Mark, 'flag' | 'variant'>): string {
  return definitionKey('served', flag, variant)
}

function writeOf(mark: Mark, known: ServedVariant | undefined): DocumentWrite | undefined {
  const last = dayOf(mark.day * DAY_MS)
  if (known && known.last >= last) return undefined
  const value: Json = { first: known?.first ?? last, last }
  return { kind: 'definitions', tenant: SEEN_SCOPE, key: keyOf(mark), value }
}
