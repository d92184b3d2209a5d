import { describe } from '../catalog/problems.ts'
import { queryInvalid } from '../query-invalid.ts'
import type { TimelineEvent } from '../storage/records.ts'
import { PLATFORM } from '../vocabulary.ts'
import type { AuditPage, TrailReader } from './audit.ts'
import { readTrail, walkTrail } from './audit.ts'
import type { AuditQuery } from './query.ts'

/** Any trail: a tenant's, or the operator's own when none is named. */
export interface PlatformAudit {
  list(query?: AuditQuery & { readonly tenant?: string | undefined }): Promise<AuditPage>
  timeline(
    query?: AuditQuery & { readonly tenant?: string | undefined },
  ): AsyncGenerator<TimelineEvent, void, undefined>
}

/**
 * @param opened called with each trail that is read: reading is on record too
 */
export function createPlatformAudit(reader: TrailReader, opened: (trail: string) => void): PlatformAudit {
  return {
    async list(asked = {}) {
      const { trail, query } = trailOf(asked)
      opened(trail)
      return readTrail(reader, trail, query)
    },
    timeline(asked = {}) {
      const { trail, query } = trailOf(asked)
      opened(trail)
      return walkTrail(reader, trail, query)
    },
  }
}

/** What is no id has no trail, and an empty one would look as if nothing had happened. */
function trailOf(asked: AuditQuery & { readonly tenant?: unknown }): { trail: string; query: AuditQuery } {
  if (typeof asked !== 'object' || asked === null) throw queryInvalid(`A query is an object, not ${describe(asked)}.`)
  const { tenant = PLATFORM, ...query } = asked
  if (typeof tenant !== 'string') throw queryInvalid(`"tenant" must be an id, not ${describe(tenant)}.`)
  return { trail: tenant, query }
}
