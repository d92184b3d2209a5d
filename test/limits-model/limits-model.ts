import type {
  ConcurrencyOperation,
  LimitAnswer,
  LimitDecision,
  LimitOperation,
  LimitRequest,
  RateOperation,
  WindowOperation,
} from '@throughline/core/storage'
import { inWeight } from '@throughline/core/storage'

const MOST = 2n ** 52n

interface Rate {
  readonly debt: bigint
  readonly at: bigint
  readonly policy: RateOperation
}

interface Window {
  readonly windowMs: bigint
  /** Units by the start of the window that they were taken in. */
  readonly units: ReadonlyMap<bigint, bigint>
}

interface Lease {
  readonly units: bigint
  readonly endsAt: bigint
}

/** What a limits store has to answer: the words of the port in whole numbers of any size, with no thought of speed. */
export class LimitsModel {
  readonly #rates = new Map<string, Rate>()
  readonly #windows = new Map<string, Window>()
  readonly #leases = new Map<string, Map<string, Lease>>()
  #now = 0n

  decide({ operations, units, mode, lease }: LimitRequest, at: number): LimitAnswer {
    const now = this.#advance(at)
    const rooms = operations.map((it) => this.#room(it, lease, now))
    const most = rooms.reduce((least, room) => (room < least ? room : least), BigInt(units))
    let granted = most
    if (mode === 'force') granted = BigInt(units)
    else if (mode !== 'partial' && most < BigInt(units)) granted = 0n
    const takes = mode !== 'peek' && granted > 0n
    if (takes) for (const it of operations) this.#take(it, granted * BigInt(it.cost), lease, now)
    const asked = mode !== 'partial' ? BigInt(units) : granted > 0n ? granted : 1n
    return {
      granted: Number(granted),
      decisions: operations.map((it, i): LimitDecision => {
        const allowed = mode === 'force' || (rooms[i] as bigint) >= asked
        const needed = allowed ? 0n : asked * BigInt(it.cost)
        if (it.kind === 'concurrency') return this.#leaseDecision(it, takes ? undefined : lease, allowed, needed, now)
        const used = (ms: bigint): bigint => (it.kind === 'rate' ? this.#debt(it, now, ms) : this.#used(it, now + ms))
        const [full, weight] = measures(it)
        return {
          allowed,
          remaining: Number(floor(full - used(0n), weight)),
          retryAfterMs:
            needed * weight > full ? Infinity : firstMs((ms) => used(ms) + needed * weight <= full, allowed),
          resetMs: firstMs((ms) => used(ms) === 0n),
        }
      }),
    }
  }

  refund({ operations, units, lease }: LimitRequest, at: number): void {
    const now = this.#advance(at)
    for (const it of operations) {
      let back = BigInt(units) * BigInt(it.cost)
      if (it.kind === 'concurrency') this.#leases.get(it.key)?.delete(lease ?? '')
      else if (it.kind === 'rate') {
        const debt = this.#debt(it, now, 0n)
        if (debt > 0n)
          this.#rates.set(it.key, { debt: floor(debt - back * BigInt(it.weight), 1n), at: now, policy: it })
      } else {
        // Of the running window first, then of the one before.
        const { windowMs, units: taken } = this.#window(it, now)
        const left = new Map<bigint, bigint>()
        for (const start of [startOf(now, windowMs), startOf(now, windowMs) - windowMs]) {
          const given = taken.get(start) ?? 0n
          left.set(start, floor(given - back, 1n))
          back = floor(back - given, 1n)
        }
        this.#windows.set(it.key, { windowMs, units: left })
      }
    }
  }

  renew({ operations, lease = '' }: LimitRequest, at: number): boolean {
    const now = this.#advance(at)
    const held = operations.filter((it) => it.kind === 'concurrency')
    return held
      .map(({ key, ttlMs }) => {
        const it = this.#leases.get(key)?.get(lease)
        if (!it || it.endsAt <= now) return false
        this.#leases.get(key)?.set(lease, { ...it, endsAt: now + BigInt(ttlMs) })
        return true
      })
      .every(Boolean)
  }

  /** A clock that goes back stands still. */
  #advance(at: number): bigint {
    if (BigInt(at) > this.#now) this.#now = BigInt(at)
    return this.#now
  }

  #room(it: LimitOperation, lease: string | undefined, now: bigint): bigint {
    const cost = BigInt(it.cost)
    if (it.kind === 'rate') return floor(BigInt(it.capacity) - this.#debt(it, now, 0n), BigInt(it.weight) * cost)
    if (it.kind === 'concurrency') return floor(BigInt(it.limit) - sum(this.#held(it.key, lease, now)), cost)
    return floor(BigInt(it.limit) * BigInt(it.windowMs) - this.#used(it, now), BigInt(it.windowMs) * cost)
  }

  #take(it: LimitOperation, units: bigint, lease: string | undefined, now: bigint): void {
    if (it.kind === 'rate') {
      const debt = this.#debt(it, now, 0n) + units * BigInt(it.weight)
      this.#rates.set(it.key, { debt: debt < MOST ? debt : MOST, at: now, policy: it })
    } else if (it.kind === 'window') {
      const { windowMs, units: taken } = this.#window(it, now)
      const start = startOf(now, windowMs)
      const current = (taken.get(start) ?? 0n) + units
      const most = MOST / windowMs
      this.#windows.set(it.key, { windowMs, units: new Map([...taken, [start, current < most ? current : most]]) })
    } else if (lease !== undefined) {
      const leases = this.#leases.get(it.key) ?? new Map<string, Lease>()
      this.#leases.set(it.key, leases.set(lease, { units, endsAt: now + BigInt(it.ttlMs) }))
    }
  }

  /** A rate's debt `ms` from now; of a changed policy the units count on, and fall as fast as either lets them. */
  #debt(it: RateOperation, now: bigint, ms: bigint): bigint {
    const stored = this.#rates.get(it.key)
    if (!stored) return 0n
    const changed = (debt: bigint): bigint =>
      stored.policy.weight === it.weight ? debt : BigInt(inWeight(Number(debt), stored.policy.weight, it.weight))
    const elapsed = now - stored.at
    const own = changed(floor(stored.debt - BigInt(stored.policy.perMs) * elapsed, 1n))
    const asked = floor(changed(stored.debt) - BigInt(it.perMs) * elapsed, 1n)
    return floor((own < asked ? own : asked) - BigInt(it.perMs) * ms, 1n)
  }

  /** What a window counts, times its ms: all of the running one, and of the one before the part that overlaps. */
  #used(it: WindowOperation, at: bigint): bigint {
    return weightedUse(this.#window(it, this.#now), at)
  }

  /** A window as it stands; of a changed policy the units that counted count on, in the running window. */
  #window(it: WindowOperation, now: bigint): Window {
    const windowMs = BigInt(it.windowMs)
    const stored = this.#windows.get(it.key) ?? { windowMs, units: new Map() }
    if (stored.windowMs === windowMs) return stored
    const used = (weightedUse(stored, now) + stored.windowMs - 1n) / stored.windowMs
    const most = MOST / windowMs
    return { windowMs, units: new Map([[startOf(now, windowMs), used < most ? used : most]]) }
  }

  #held(key: string, but: string | undefined, now: bigint): readonly Lease[] {
    const leases = [...(this.#leases.get(key) ?? [])]
    return leases.filter(([id, { endsAt }]) => id !== but && endsAt > now).map(([, lease]) => lease)
  }

  #leaseDecision(it: ConcurrencyOperation, but: string | undefined, allowed: boolean, needed: bigint, now: bigint) {
    const held = this.#held(it.key, but, now)
    const left = held.map(({ endsAt }) => Number(endsAt - now))
    return {
      allowed,
      remaining: Number(floor(BigInt(it.limit) - sum(held), 1n)),
      retryAfterMs: allowed ? 0 : needed > BigInt(it.limit) ? Infinity : Math.max(1, Math.min(1_000, ...left)),
      resetMs: Math.max(0, ...left),
    }
  }
}

/** What there is of a policy in all, and what one unit is. */
function measures(it: RateOperation | WindowOperation): readonly [full: bigint, weight: bigint] {
  if (it.kind === 'rate') return [BigInt(it.capacity), BigInt(it.weight)]
  return [BigInt(it.limit) * BigInt(it.windowMs), BigInt(it.windowMs)]
}

function weightedUse({ windowMs, units }: Window, at: bigint): bigint {
  const start = startOf(at, windowMs)
  return (units.get(start) ?? 0n) * windowMs + (units.get(start - windowMs) ?? 0n) * (start + windowMs - at)
}

function startOf(at: bigint, windowMs: bigint): bigint {
  return at - (at % windowMs)
}

/** A part of nothing, or of less than nothing, is nothing. */
function floor(part: bigint, whole: bigint): bigint {
  return part > 0n ? part / whole : 0n
}

function sum(leases: readonly Lease[]): bigint {
  return leases.reduce((units, lease) => units + lease.units, 0n)
}

/** The first ms at which something holds that then goes on to hold. */
function firstMs(holds: (ms: bigint) => boolean, now: boolean = holds(0n)): number {
  if (now) return 0
  let [before, after] = [0n, 1n]
  while (!holds(after)) [before, after] = [after, after * 2n]
  while (after - before > 1n) {
    const middle = (before + after) / 2n
    if (holds(middle)) after = middle
    else before = middle
  }
  return Number(after)
}
