import { didYouMean } from '../did-you-mean.ts'
import { ThroughlineError } from '../errors.ts'

/** @throws ThroughlineError `OPTIONS_INVALID` naming the function and what is wrong. */
export function refuseOptions(source: string, problem: string): never {
  throw new ThroughlineError('OPTIONS_INVALID', { message: `${source}: ${problem}`, details: { problems: [problem] } })
}

/** Refuses option names that the function does not know. */
export function checkOptionNames(source: string, options: object, known: readonly string[]): void {
  for (const name of Object.keys(options)) {
    if (!known.includes(name)) refuseOptions(source, `unknown option "${name}".${didYouMean(name, known)}`)
  }
}
