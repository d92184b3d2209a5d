/** Waits until a condition holds, by looking again and again; gives up with its last answer after `withinMs`. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  { what = 'the condition', withinMs = 10_000 }: { readonly what?: string; readonly withinMs?: number } = {},
): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`After ${withinMs} ms ${what} still did not hold.`)
    await new Promise((resolve) => setTimeout(resolve, 1))
  }
}
