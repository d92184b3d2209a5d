import type { ThroughlineError } from '../errors.ts'
import type { Activity } from '../journal/activity.ts'
import type { Json } from '../vocabulary.ts'

/** Notes a refusal of the pipeline on the request's record: code, reason and what the trail's reader needs. */
export function noteRefusal(
  activity: Pick<Activity, 'note'>,
  error: ThroughlineError,
  action: string,
  observed: boolean,
  metadata: Readonly<Record<string, Json>>,
): void {
  const { reason } = error.details
  activity.note({
    action,
    outcome: 'refused',
    notable: true,
    metadata: {
      code: error.code,
      ...(typeof reason === 'string' && { reason }),
      ...metadata,
      ...(observed && { observed }),
    },
  })
}
