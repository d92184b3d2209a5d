import type { Snapshot } from '../../context/scope.ts'

/**
 * Of what state of the definitions and of the tenant an answer is: `12.3`, or `12.3.<ms>` since a scheduled change began
 * to hold. Opaque to clients, who hand it back.
 */
export function versionOf({
  platformVersion,
  version,
  scheduledAt,
}: Pick<Snapshot, 'platformVersion' | 'version' | 'scheduledAt'>): string {
  return [platformVersion, version, ...(scheduledAt === undefined ? [] : [scheduledAt])].join('.')
}

/**
 * Whether a client was told of a newer state than this, by another process which has seen it already.
 *
 * @param told the `flagConfigEtag` of its call
 */
export function isBehind(snapshot: Pick<Snapshot, 'platformVersion' | 'version'>, told: string | null): boolean {
  const match = /^"?(\d{1,15})\.(\d{1,15})(?:\.\d{1,15})?"?$/.exec(told ?? '')
  return match !== null && (Number(match[1]) > snapshot.platformVersion || Number(match[2]) > snapshot.version)
}
