/** Postgres keeps any text but U+0000. Where one is, it stands as U+001A and `0`, and a U+001A as two of them. */
const MARK = '\u001a'
const NUL = '\u0000'

/** Text as it can be kept in a column; what is different stays different. */
export function toColumn(text: string): string {
  if (!text.includes(NUL) && !text.includes(MARK)) return text
  return text.replaceAll(MARK, MARK + MARK).replaceAll(NUL, `${MARK}0`)
}

/** What {@link toColumn} was given. */
export function fromColumn(text: string): string {
  if (!text.includes(MARK)) return text
  // A mark that stands for itself comes in twos: what is left between them holds only those before a `0`.
  return text
    .split(MARK + MARK)
    .map((part) => part.replaceAll(`${MARK}0`, NUL))
    .join(MARK)
}

/** A value of a statement, with the text in it as columns keep it. */
export function toParameter(value: unknown): unknown {
  if (typeof value === 'string') return toColumn(value)
  return Array.isArray(value) ? value.map(toParameter) : value
}
