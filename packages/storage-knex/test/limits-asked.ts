import type {
  ConcurrencyOperation,
  LimitOperation,
  LimitRequest,
  LimitsStore,
  RateOperation,
  WindowOperation,
} from '@throughline/core/storage'

/** ms since the epoch, for stores that go by the caller's clock. */
export const NOW = 1_762_000_000_000

/** A unit a second, 10 at once, unless said. */
export function rate(name: string, numbers: Partial<RateOperation> = {}): RateOperation {
  return { kind: 'rate', key: `acme\u0000${name}`, perMs: 1, weight: 1_000, capacity: 10_000, cost: 1, ...numbers }
}

/** 10 a minute. */
export function window(name: string): WindowOperation {
  return { kind: 'window', key: `acme\u0000${name}`, limit: 10, windowMs: 60_000, cost: 1 }
}

/** 3 at once, for a minute. */
export function held(name: string): ConcurrencyOperation {
  return { kind: 'concurrency', key: `acme\u0000${name}`, limit: 3, ttlMs: 60_000, cost: 1 }
}

export function requestOf(operations: readonly LimitOperation[], terms: Partial<LimitRequest> = {}): LimitRequest {
  return { group: 'acme', operations, units: 1, mode: 'take', ...terms }
}

/** Units that are granted of one operation. */
export async function take(
  limits: LimitsStore,
  operation: LimitOperation,
  terms: Partial<LimitRequest> & { readonly now?: number } = {},
): Promise<number> {
  const { now = NOW, ...rest } = terms
  return (await limits.decide(requestOf([operation], rest), now)).granted
}

/** Repeats until it succeeds. */
export async function eventually<T>(attempt: () => Promise<T>, withinMs = 10_000): Promise<T> {
  const deadline = performance.now() + withinMs
  for (;;) {
    try {
      return await attempt()
    } catch (error) {
      if (performance.now() > deadline) throw error
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
  }
}
