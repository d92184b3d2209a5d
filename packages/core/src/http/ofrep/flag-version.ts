import { createHmac, randomBytes } from 'node:crypto'
import type { Scope, Snapshot } from '../../context/scope.ts'

/** Nobody can try out of which attributes a fingerprint was made. */
const KEY = randomBytes(32)

/**
 * Of what state an answer is: versions of the definitions and of the tenant, and a fingerprint of what has none (rows of
 * the app's own, roles, scheduled changes that have begun), as in `12.3.mW2fG0_q9xNk`. Opaque to clients, who hand it
 * back. The fingerprint is this process's: another one has another for the same state.
 */
export function versionOf({ snapshot, tenant, actor }: Scope): string {
  const unversioned = textOf([tenant, actor.roles, snapshot.scheduledAt])
  const fingerprint = createHmac('sha256', KEY).update(unversioned).digest('base64url').slice(0, 12)
  return `${snapshot.platformVersion}.${snapshot.version}.${fingerprint}`
}

/** Rows of the app's own hold whatever its driver gives: 64 bits as a bigint, say. What can't be written is not told. */
function textOf(state: unknown): string {
  try {
    return JSON.stringify(state, (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value))
  } catch {
    return ''
  }
}

/** Whether two states differ in nothing that has a version, so that another process can't find out which is newer. */
export function haveSameVersions(one: string, other: string): boolean {
  return one.slice(0, one.lastIndexOf('.')) === other.slice(0, other.lastIndexOf('.'))
}

/**
 * Whether a client was told of a newer state than this, by another process which has seen it already.
 *
 * @param told the `flagConfigEtag` of its call
 */
export function isBehind(snapshot: Pick<Snapshot, 'platformVersion' | 'version'>, told: string | null): boolean {
  const match = /^"?(\d{1,15})\.(\d{1,15})(?:\.[\w-]{1,20})?"?$/.exec(told ?? '')
  return match !== null && (Number(match[1]) > snapshot.platformVersion || Number(match[2]) > snapshot.version)
}
