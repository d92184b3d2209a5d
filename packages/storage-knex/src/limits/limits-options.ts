import { didYouMean, ThroughlineError } from '@throughline/core/storage'
import type { KnexLimitsOptions } from './knex-limits.ts'

const WHOLE_NUMBERS = { answerWithinMs: 1, busyTimeoutMs: 0 } as const
const KNOWN = ['app', 'clock', 'onStatement', 'filename', 'schema', 'migrate', ...Object.keys(WHOLE_NUMBERS)]
/** Postgres cuts longer names off. */
const MAX_SCHEMA_BYTES = 63

/** @throws ThroughlineError `OPTIONS_INVALID`, with all that is wrong */
export function checkOptions(options: KnexLimitsOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw invalid(['give an object: knexLimits({ app }) or knexLimits({ filename }).'])
  }
  const problems = Object.keys(options)
    .filter((key) => !KNOWN.includes(key))
    .map((key) => `${key}: there is no such option.${didYouMean(key, KNOWN)}`)
  for (const [key, least] of Object.entries(WHOLE_NUMBERS) as [keyof typeof WHOLE_NUMBERS, number][]) {
    const value = options[key]
    if (value === undefined || (Number.isSafeInteger(value) && value >= least)) continue
    problems.push(`${key}: it is ${String(value)}; it must be a whole number from ${least}.`)
  }
  const { clock, onStatement, schema, filename } = options
  if (clock !== undefined && clock !== 'server' && clock !== 'caller') {
    problems.push(`clock: it is ${String(clock)}; it must be "server" or "caller".`)
  }
  if (onStatement !== undefined && typeof onStatement !== 'function')
    problems.push('onStatement: it must be a function.')
  if (schema !== undefined && !isSchemaName(schema)) {
    problems.push(`schema: it must be a name of 1 to ${MAX_SCHEMA_BYTES} bytes.`)
  }
  if (filename !== undefined && (typeof filename !== 'string' || filename === '')) {
    problems.push('filename: it must be the name of a file.')
  }
  if (problems.length > 0) throw invalid(problems)
}

/** @throws ThroughlineError `OPTIONS_INVALID` for options that mean something in another kind of database only */
export function refuseOptions(
  options: KnexLimitsOptions,
  names: readonly (keyof KnexLimitsOptions)[],
  where: string,
): void {
  const given = names.filter((name) => options[name] !== undefined)
  if (given.length > 0) throw invalid(given.map((name) => `${name}: it is an option on ${where} only.`))
}

function isSchemaName(name: unknown): boolean {
  return (
    typeof name === 'string' && name !== '' && !name.includes('\u0000') && Buffer.byteLength(name) <= MAX_SCHEMA_BYTES
  )
}

function invalid(problems: readonly string[]): ThroughlineError {
  return new ThroughlineError('OPTIONS_INVALID', {
    message: `The options of knexLimits are not valid: ${problems.join(' ')}`,
    details: { problems },
  })
}
