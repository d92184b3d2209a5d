// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what an id must not hold
const INVALID = /[\u0000-\u001f\u007f]/

/** Whether an id can name a tenant: 1 to 200 characters, none of them a control character, not beginning with `$`. */
export function isTenantId(id: unknown): id is string {
  return typeof id === 'string' && id.length > 0 && id.length <= 200 && !id.startsWith('$') && !INVALID.test(id)
}
