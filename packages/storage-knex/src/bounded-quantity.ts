/** The most that is counted. Beyond it nothing could be read, and past the column's end the journal would stand still. */
export const MOST: number = Number.MAX_SAFE_INTEGER

/** A quantity, or a change of one, as it may stand in a column. */
export function boundedQuantity(quantity: number): number {
  return Math.max(-MOST, Math.min(MOST, quantity))
}
