import type { Pickle } from '@cucumber/messages'
import type { World } from '../world.ts'

/** The cells of a step's table, row by row. */
export type Table = readonly (readonly string[])[]

/** What a sentence of a scenario does; `texts` are what the pattern's groups caught. */
export interface Step {
  readonly pattern: RegExp
  run(world: World, texts: readonly string[], table: Table): unknown
}

export function step(pattern: RegExp, run: Step['run']): Step {
  return { pattern, run }
}

/** Runs a scenario's sentences in order; exactly one step has to know each. */
export async function runScenario(scenario: Pickle, steps: readonly Step[], world: World): Promise<void> {
  for (const { text, argument } of scenario.steps) {
    const known = steps.flatMap((each) => {
      const match = each.pattern.exec(text)
      return match ? [{ each, texts: match.slice(1).map((caught) => caught ?? '') }] : []
    })
    const [found] = known
    if (!found || known.length > 1) throw new Error(`${known.length} steps know the sentence "${text}".`)
    const table = argument?.dataTable?.rows.map(({ cells }) => cells.map(({ value }) => value)) ?? []
    await found.each.run(world, found.texts, table)
  }
}
