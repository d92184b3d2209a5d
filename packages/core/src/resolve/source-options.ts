import { didYouMean } from '../did-you-mean.ts'
import { ThroughlineError } from '../errors.ts'

/** How each source is called, for the errors of the ones that are called otherwise. */
const RIGHT_CALLS = {
  fromSubdomain: "fromSubdomain('example.com')",
  fromHost: 'fromHost({ lookup: (host) => domains.tenantOf(host) })',
  fromHeader: "fromHeader('x-tenant-id')",
  fromPath: "fromPath('/t/:tenant')",
  fromClaim: "fromClaim('org_id'), or fromClaim('org_id', { jwks, issuer, audience, algorithms: ['RS256'] })",
  fromApiKey: 'fromApiKey((key) => apiKeys.find(hashOf(key)))',
} as const

export type SourceName = keyof typeof RIGHT_CALLS

/** Whether an option's value can be one, and what it must be. */
export type SourceOptionCheck = readonly [valid: (value: unknown) => boolean, must: string]

export const FUNCTION: SourceOptionCheck = [(value) => typeof value === 'function', 'be a function']
export const TRUE_OR_FALSE: SourceOptionCheck = [(value) => typeof value === 'boolean', 'be true or false']
export const TEXT: SourceOptionCheck = [(value) => typeof value === 'string', 'be a text']
export const NAME: SourceOptionCheck = [(value) => typeof value === 'string' && value !== '', 'be a name']
export const NAMES: SourceOptionCheck = [
  (value) => Array.isArray(value) && value.every((name) => typeof name === 'string'),
  'be a list of names',
]
export const TRUE_OR_FUNCTION: SourceOptionCheck = [
  (value) => typeof value === 'boolean' || typeof value === 'function',
  'be true, false or a function',
]
/** Checked where it is used. */
export const ANYTHING: SourceOptionCheck = [() => true, '']

/** @throws ThroughlineError `OPTIONS_INVALID` naming the source, what is wrong, and how it is called. */
export function refuseOptions(source: SourceName, problem: string): never {
  throw new ThroughlineError('OPTIONS_INVALID', {
    message: `${source}: ${problem} It is called as ${RIGHT_CALLS[source]}.`,
    details: { problems: [problem] },
  })
}

/** Refuses options that the source does not know, or whose value can't be one. */
export function checkSourceOptions(
  source: SourceName,
  options: unknown,
  checks: Readonly<Record<string, SourceOptionCheck>>,
): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options)) {
    refuseOptions(source, `its options must be an object, not ${kindOf(options)}.`)
  }
  for (const [name, value] of Object.entries(options)) {
    const check = Object.hasOwn(checks, name) ? checks[name] : undefined
    if (!check) refuseOptions(source, `unknown option "${name}".${didYouMean(name, Object.keys(checks))}`)
    if (value !== undefined && !check[0](value)) refuseOptions(source, `"${name}" must ${check[1]}.`)
  }
}

/** What was given in place of what is needed; never the value itself, which may be a secret. */
export function kindOf(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'a list'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}
