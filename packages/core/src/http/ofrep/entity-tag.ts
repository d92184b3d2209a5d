import { createHash } from 'node:crypto'
import type { Scope } from '../../context/scope.ts'

/**
 * The ETag of a bulk answer: of what it says, and to whom, so that nobody's 304 can stand for another tenant's, another
 * actor's or another call's answer.
 *
 * @param context the text of the call's evaluation context
 * @param body what is answered
 */
export function entityTag({ tenant, actor }: Scope, context: string, body: string): string {
  const parts = JSON.stringify([tenant.id, actor.type, actor.id, context, body])
  return `"${createHash('sha256').update(parts).digest('base64url')}"`
}

/** Whether an `If-None-Match` header lists it (RFC 9110, section 13.1.2). `*` counts for nothing: it names no answer. */
export function matches(header: string | undefined, tag: string): boolean {
  return header?.split(',').some((item) => item.trim().replace(/^W\//, '') === tag) ?? false
}
