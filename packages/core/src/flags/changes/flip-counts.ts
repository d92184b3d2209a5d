import { isPromise } from '../../maybe-promise.ts'
import type { Tenant } from '../../vocabulary.ts'
import { Pauses } from '../pauses.ts'
import type { Difference, FlagComparison, FlagFlip } from './flag-comparison.ts'
import { difference } from './flag-comparison.ts'

/** What a change changes, tenant by tenant: of the flag itself, and of those that depend on it. */
export class FlipCounts {
  readonly own: FlipCount
  readonly dependents: readonly FlipCount[]
  readonly #comparison: FlagComparison
  readonly #pauses = new Pauses()
  /** Whom a list names twice is one tenant all the same. */
  readonly #ids = new Set<string>()

  constructor(comparison: FlagComparison, limit: number) {
    this.#comparison = comparison
    this.own = new FlipCount(comparison.key, limit)
    this.dependents = comparison.dependents.map((key) => new FlipCount(key, limit))
  }

  get seen(): number {
    return this.#ids.size
  }

  /** Answers that it is done. */
  async add(tenant: Tenant): Promise<true> {
    if (this.#ids.has(tenant.id)) return true
    const { before, after, overrides } = this.#comparison
    const found = overrides(tenant.id)
    const own = isPromise(found) ? await found : found
    this.#ids.add(tenant.id)
    const [from, to] = [before.of(tenant, own), after.of(tenant, own)]
    for (const count of [this.own, ...this.dependents]) {
      count.add(difference(tenant.id, from(count.key), to(count.key)))
      if (this.#pauses.isDue) await this.#pauses.pause()
    }
    return true
  }
}

/** What a change changes of one flag: all is counted, and the first few flips are kept. */
export class FlipCount {
  readonly key: string
  readonly flips: FlagFlip[] = []
  readonly #limit: number
  flipped = 0
  mayVary = 0

  constructor(key: string, limit: number) {
    this.key = key
    this.#limit = limit
  }

  add(difference: Difference): void {
    if (difference === 'varies') this.mayVary += 1
    else if (difference !== 'same') {
      this.flipped += 1
      if (this.flips.length < this.#limit) this.flips.push(difference)
    }
  }
}
