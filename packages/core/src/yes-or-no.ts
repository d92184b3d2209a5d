import { ThroughlineError } from './errors.ts'
import { isPromise } from './maybe-promise.ts'

/**
 * What a function of the app has answered that decides at once. A promise is no answer: taken for one it would be a yes,
 * whatever it comes to.
 *
 * @param name the function's, as the app knows it
 * @throws ThroughlineError `OPTIONS_INVALID` for a promise
 */
export function yesOrNo(name: string, answer: unknown): boolean {
  if (!isPromise(answer)) return Boolean(answer)
  // Or that it comes to nothing would end the process.
  Promise.resolve(answer).catch(() => {})
  const problem = `${name} has answered with a promise.`
  throw new ThroughlineError('OPTIONS_INVALID', {
    message: problem,
    remedy: 'Let it answer true or false at once.',
    details: { problems: [problem] },
  })
}
