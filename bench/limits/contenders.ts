/** One way to do the same thing; `run` does it `calls` times. */
export interface Contender {
  readonly name: string
  run(calls: number): void | Promise<void>
  /** What a run leaves goes before the next one, and is not measured. */
  after?(calls: number): void | Promise<void>
}

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 9)
/** Rounds before the first that counts: code is compiled, and memory is had from the system. */
const WARM_UP = 4

/**
 * Runs contenders in turn, round after round, and prints what a call costs each; answers the medians.
 *
 * @param unit what `measure` gives of a run
 */
export async function contest(
  title: string,
  calls: number,
  contenders: readonly Contender[],
  measure: (run: () => void | Promise<void>) => Promise<number>,
  unit: string,
): Promise<Readonly<Record<string, number>>> {
  const figures = new Map(contenders.map(({ name }) => [name, [] as number[]]))
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const { name, run, after } of contenders) {
      const figure = (await measure(() => run(calls))) / calls
      await after?.(calls)
      if (round >= 0) figures.get(name)?.push(figure)
    }
  }
  console.log(title)
  const medians: Record<string, number> = {}
  for (const [name, list] of figures) {
    const sorted = list.toSorted((a, b) => a - b)
    const median = sorted[Math.floor(sorted.length / 2)] as number
    medians[name] = median
    const [least, most] = [sorted[0] as number, sorted.at(-1) as number]
    console.log(`  ${name.padEnd(34)} ${median.toFixed(1)} ${unit} (${least.toFixed(1)} to ${most.toFixed(1)})`)
  }
  return medians
}

/** CPU time of this process, in ns. */
export async function cpuTime(run: () => void | Promise<void>): Promise<number> {
  const before = process.cpuUsage()
  await run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) * 1_000
}

/** Time on the wall, in µs. */
export async function wallTime(run: () => void | Promise<void>): Promise<number> {
  const before = performance.now()
  await run()
  return (performance.now() - before) * 1_000
}
