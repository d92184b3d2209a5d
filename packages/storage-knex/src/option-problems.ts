import { didYouMean, ThroughlineError } from '@throughline/core/storage'

type Caller = 'knexStorage' | 'knexLimits'
type Given = Readonly<Record<string, unknown>>

/** Postgres cuts longer names off. */
const MAX_SCHEMA_BYTES = 63
/** Postgres keeps them for itself, and looks the second one up as another name. */
const RESERVED_SCHEMA = /^pg_|^\$user$/

/** Options that there are not. */
export function unknownOptions(options: Given, known: readonly string[]): readonly string[] {
  return Object.keys(options)
    .filter((key) => !known.includes(key))
    .map((key) => `${key}: there is no such option.${didYouMean(key, known)}`)
}

/** @param least of each option that is a whole number */
export function wrongNumbers(options: Given, least: Readonly<Record<string, number>>): readonly string[] {
  return Object.entries(least)
    .filter(([key, from]) => options[key] !== undefined && !isWholeNumber(options[key], from))
    .map(([key, from]) => `${key}: it is ${String(options[key])}; it must be a whole number from ${from}.`)
}

/** What is wrong with `onStatement` and `schema`. */
export function wrongListenerOrSchema({ onStatement, schema }: Given): readonly string[] {
  const problems: string[] = []
  if (onStatement !== undefined && typeof onStatement !== 'function') {
    problems.push('onStatement: it must be a function.')
  }
  if (schema !== undefined && !isSchemaName(schema)) {
    problems.push(
      `schema: it must be a name of 1 to ${MAX_SCHEMA_BYTES} bytes, and none of Postgres itself ("pg_…", "$user").`,
    )
  }
  return problems
}

/** @throws ThroughlineError `OPTIONS_INVALID` for what is no object */
export function requireObject(caller: Caller, options: unknown): void {
  if (typeof options === 'object' && options !== null) return
  throw invalid(caller, [`give an object: ${caller}({ app }) or ${caller}({ filename }).`])
}

/** @throws ThroughlineError `OPTIONS_INVALID` with all that is wrong, if anything is */
export function refuse(caller: Caller, problems: readonly string[]): void {
  if (problems.length > 0) throw invalid(caller, problems)
}

/** @throws ThroughlineError `OPTIONS_INVALID` for options that mean something in another kind of database only */
export function refuseOptions<Options extends Given>(
  caller: Caller,
  options: Options,
  names: readonly (keyof Options)[],
  where: string,
): void {
  const given = names.filter((name) => options[name] !== undefined)
  refuse(
    caller,
    given.map((name) => `${String(name)}: it is an option on ${where} only.`),
  )
}

function isWholeNumber(value: unknown, least: number): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= least
}

function isSchemaName(name: unknown): boolean {
  if (typeof name !== 'string' || name === '' || name.includes('\u0000')) return false
  return Buffer.byteLength(name) <= MAX_SCHEMA_BYTES && !RESERVED_SCHEMA.test(name)
}

function invalid(caller: Caller, problems: readonly string[]): ThroughlineError {
  return new ThroughlineError('OPTIONS_INVALID', {
    message: `The options of ${caller} are not valid: ${problems.join(' ')}`,
    details: { problems },
  })
}
