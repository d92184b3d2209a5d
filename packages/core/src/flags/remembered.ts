/** Longer texts are answered anew each time. */
const MAX_TEXT = 256

/**
 * Remembers what was answered, so that a text that is asked of again and again is read once; of the last `most` texts at
 * the most, for they may come with calls.
 */
export function remembered<T extends boolean | number>(most: number, answer: (text: string) => T): (text: string) => T {
  const known = new Map<string, T>()
  return (text) => {
    const before = known.get(text)
    if (before !== undefined) return before
    const found = answer(text)
    if (text.length > MAX_TEXT) return found
    if (known.size >= most) known.clear()
    known.set(text, found)
    return found
  }
}
