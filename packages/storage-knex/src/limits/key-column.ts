import { createHash } from 'node:crypto'
import type { LimitRequest } from '@throughline/core/storage'

/** An index entry has to fit into a third of a page. */
const MAX_LENGTH = 256
const KEPT = 128

/** An operation's key as its column keeps it: without the group, which is a column of its own; a long one shortened. */
export function keyColumn({ group }: Pick<LimitRequest, 'group'>, key: string): string {
  const own = key.slice(group.length + 1)
  if (own.length <= MAX_LENGTH) return own
  return `${own.slice(0, KEPT)}…${createHash('sha256').update(own).digest('hex')}`
}
