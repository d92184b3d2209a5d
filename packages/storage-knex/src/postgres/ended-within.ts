/** Waits for a farewell no longer than for an answer: where the network is silent, none comes. */
export async function endedWithin(ended: Promise<void>, ms: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([ended.catch(() => {}), late])
  clearTimeout(timer)
}
