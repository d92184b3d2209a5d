import { describe } from './catalog/problems.ts'
import { didYouMean } from './did-you-mean.ts'

/**
 * What is wrong with the options of a call: one that is not read would be passed over. `undefined` if nothing is.
 *
 * @param of what they are of: `an evaluation`
 */
export function callOptionProblem(options: unknown, known: readonly string[], of: string): string | undefined {
  if (typeof options !== 'object' || options === null)
    return `Options of ${of} must be an object, not ${describe(options)}.`
  for (const name in options) {
    if (known.includes(name)) continue
    const asked = name.slice(0, 100)
    return `"${asked}" is no option of ${of}.${didYouMean(asked, known)}`
  }
  return undefined
}
