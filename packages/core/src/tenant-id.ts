// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what an id must not hold
const INVALID = /[\u0000-\u001f\u007f]/

/**
 * Whether an id can name a tenant: well-formed text of 1 to 200 characters, none of them a control character, not
 * beginning with `$`. In UTF-8 the halves of a pair all look alike, and what a database holds is UTF-8.
 */
export function isTenantId(id: unknown): id is string {
  if (typeof id !== 'string' || id.length === 0 || id.length > 200) return false
  return !id.startsWith('$') && !INVALID.test(id) && id.isWellFormed()
}
