import { didYouMean } from './did-you-mean.ts'
import { ThroughlineError } from './errors.ts'

export interface OptionProblem {
  readonly path: string
  readonly message: string
}

/** Collects what is wrong with options, so that all of it is told at once. */
export class OptionProblems {
  readonly #list: OptionProblem[] = []

  add(path: string, message: string): void {
    this.#list.push({ path, message })
  }

  addAll(problems: readonly OptionProblem[]): void {
    this.#list.push(...problems)
  }

  unknownKeys(path: string, value: unknown, known: readonly string[]): void {
    if (typeof value !== 'object' || value === null) return
    for (const key of Object.keys(value)) {
      if (known.includes(key)) continue
      this.add(path === '' ? key : `${path}.${key}`, `This option is not known.${didYouMean(key, known)}`)
    }
  }

  oneOf(path: string, value: unknown, known: readonly string[]): void {
    if (value === undefined || known.includes(value as string)) return
    this.add(
      path,
      `"${String(value)}" is not known; give one of ${known.join(', ')}.${didYouMean(String(value), known)}`,
    )
  }

  whole(path: string, value: unknown, min: number, max: number): void {
    if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max))
      return
    this.add(path, `It is ${String(value)}; it must be a whole number from ${min} to ${max}.`)
  }

  /** @throws ThroughlineError `OPTIONS_INVALID`, if there is any: one error that lists all, in `details.problems` */
  refuse(): void {
    const problems = this.#list
    if (problems.length === 0) return
    const list = problems.map(({ path, message }) => `\n  - ${path}: ${message}`).join('')
    throw new ThroughlineError('OPTIONS_INVALID', {
      message: `${problems.length === 1 ? 'One option is' : `${problems.length} options are`} not valid:${list}\n`,
      details: { problems },
    })
  }
}
