import { didYouMean } from '../did-you-mean.ts'
import { ThroughlineError } from '../errors.ts'

/** Whether an option's value can be one, and what it must be. */
export type OptionCheck = readonly [valid: (value: unknown) => boolean, must: string]

export const isFunction: (value: unknown) => boolean = (value) => typeof value === 'function'

/** What is said of a list of paths that is none. */
export const PATHS_ARE =
  'a list of paths, each exact like "/healthz", or with all that is below it like "/public/*"; a router\'s patterns are none'

/** Paths as `compilePaths` takes them. */
export const PATHS: OptionCheck = [isPaths, `be ${PATHS_ARE}`]

/** A source, or a function that names the tenant. */
export const SOURCE: OptionCheck = [isSource, 'be a source or a function']

/** One source or several. */
export const SOURCES: OptionCheck = [
  (value) => (Array.isArray(value) ? value.length > 0 && value.every(isSource) : isSource(value)),
  'be a source, a function, or a list of them',
]

/** One of some names. */
export function oneOf(...names: readonly string[]): OptionCheck {
  return [(value) => names.includes(value as string), `be one of ${names.join(', ')}`]
}

/** One of some names, or a function. */
export function oneOfOrFunction(...names: readonly string[]): OptionCheck {
  return [
    (value) => isFunction(value) || names.includes(value as string),
    `be one of ${names.join(', ')}, or a function`,
  ]
}

/** Of a router's pattern, a query or a fragment. No path has it, so it would match nothing, without a word. */
const NO_PATH = /\/:|[*?#{]/

export function isPaths(value: unknown): boolean {
  return Array.isArray(value) && value.every(isPath)
}

function isPath(value: unknown): boolean {
  return typeof value === 'string' && value.startsWith('/') && !NO_PATH.test(value.replace(/\/\*$/, ''))
}

/**
 * Checks the options of a middleware, once, where it is made.
 *
 * @throws ThroughlineError `OPTIONS_INVALID`: one error that lists everything that is wrong
 */
export function checkOptions(
  middleware: string,
  options: object,
  checks: Readonly<Record<string, OptionCheck>>,
  required: readonly string[] = [],
): void {
  const given: Readonly<Record<string, unknown>> = { ...options }
  const problems: { path: string; message: string }[] = []
  for (const [name, value] of Object.entries(given)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined
    if (!check) problems.push({ path: name, message: `is not known.${didYouMean(name, Object.keys(checks))}` })
    else if (value !== undefined && !check[0](value)) problems.push({ path: name, message: `must ${check[1]}.` })
  }
  for (const name of required) if (given[name] === undefined) problems.push({ path: name, message: 'is required.' })
  if (problems.length === 0) return
  const list = problems.map(({ path, message }) => `\n  - ${path} ${message}`).join('')
  throw new ThroughlineError('OPTIONS_INVALID', {
    message: `${middleware}: ${problems.length === 1 ? 'one option is' : `${problems.length} options are`} not valid:${list}\n`,
    details: { problems },
  })
}

function isSource(value: unknown): boolean {
  return isFunction(value) || (typeof value === 'object' && value !== null && 'read' in value && isFunction(value.read))
}
