/**
 * The key of an operation in Redis, `throughline:{acme}:api`. What stands between the first `{` and the first `}` after it
 * is all that Redis Cluster hashes (its "hash tag"), so that all of a tenant's keys are on one server.
 */
export function keyName(prefix: string, group: string, key: string): string {
  return `${prefix}:{${hashTag(group)}}:${ownPart(group, key)}`
}

/** A second key of the same operation, on the same server. */
export function besideKeyName(prefix: string, group: string, key: string): string {
  return `${prefix}:{${hashTag(group)}}=${ownPart(group, key)}`
}

/** A `}` would end the tag early, and an empty tag is none. Two groups never come to the same. */
function hashTag(group: string): string {
  if (group === '') return '%'
  return /[%}]/.test(group) ? group.replaceAll('%', '%25').replaceAll('}', '%7D') : group
}

function ownPart(group: string, key: string): string {
  return key.slice(group.length + 1)
}
