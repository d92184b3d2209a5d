import { encodeBatch } from '../storage/journal-record.ts'

/** A promise that somebody else decides. Failures nobody waits for must not end the process. */
class Deferred {
  resolve: () => void = ignore
  reject: (error: unknown) => void = ignore
  readonly promise: Promise<void> = new Promise((resolve, reject) => {
    this.resolve = resolve
    this.reject = reject
  })

  constructor() {
    this.promise.catch(ignore)
  }
}

/** Records that are appended together, and those who wait for it. */
export class Group {
  readonly #lines: string[] = []
  #length = 0
  readonly #repeats = new Map<string, { tenant: string; at: number; count: number }>()
  readonly #settled = new Deferred()
  #strict: Deferred | undefined

  /** Resolves once the group is durable, in the journal or in the spill. */
  get settled(): Promise<void> {
    return this.#settled.promise
  }

  /** Resolves once the group is in the journal itself; rejects when it had to be spilled. */
  get strict(): Promise<void> {
    this.#strict ??= new Deferred()
    return this.#strict.promise
  }

  /** Lines that wait. */
  get count(): number {
    return this.#lines.length
  }

  /** Characters of them. */
  get length(): number {
    return this.#length
  }

  add(line: string): void {
    this.#lines.push(line)
    this.#length += line.length
  }

  /** One more refusal equal to an earlier one: a count, however many there are. */
  repeat(tenant: string, first: { readonly id: string; readonly at: number }): void {
    const known = this.#repeats.get(first.id)
    if (known) known.count += 1
    else this.#repeats.set(first.id, { tenant, at: first.at, count: 1 })
  }

  body(newId: () => string, now: number): string {
    if (this.#repeats.size === 0) return encodeBatch(this.#lines)
    const lines = [...this.#lines]
    for (const [of, { tenant, at, count }] of this.#repeats) {
      lines.push(
        JSON.stringify({
          id: newId(),
          tenant,
          at: now,
          actor: { type: 'system', id: 'throughline' },
          events: [],
          repeat: { of, at, count },
        }),
      )
    }
    return encodeBatch(lines)
  }

  appended(): void {
    this.#strict?.resolve()
    this.#settled.resolve()
  }

  spilled(error: unknown): void {
    this.#strict?.reject(error)
    this.#settled.resolve()
  }

  failed(error: unknown): void {
    this.#strict?.reject(error)
    this.#settled.reject(error)
  }
}

function ignore(): void {
  // Whoever waits is told.
}
