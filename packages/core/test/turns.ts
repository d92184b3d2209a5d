/** How often everything else had its turn while something went on. */
export async function turnsWhile(fn: () => Promise<unknown>): Promise<number> {
  let turns = 0
  let next = setImmediate(function again() {
    turns++
    next = setImmediate(again)
  })
  try {
    await fn()
  } finally {
    clearImmediate(next)
  }
  return turns
}
