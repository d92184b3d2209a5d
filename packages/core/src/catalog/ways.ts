/** Flags or segments that one may ask, along all ways: what two of its members lead to is asked twice. */
export const MAX_ASKED = 200

/**
 * How many are asked along all ways from a name, itself included, up to `MAX_ASKED + 1`. Circles are somebody else's to
 * find: a name within itself counts once.
 */
export function askedFrom(name: string, next: (name: string) => readonly string[]): number {
  const counted = new Map<string, number>()
  const count = (one: string, depth: number): number => {
    // As many as are above it are asked already.
    if (depth > MAX_ASKED) return MAX_ASKED + 1
    const known = counted.get(one)
    if (known !== undefined) return known
    counted.set(one, 1)
    let sum = 1
    for (const other of next(one)) sum = Math.min(sum + count(other, depth + 1), MAX_ASKED + 1)
    counted.set(one, sum)
    return sum
  }
  return count(name, 0)
}
