import type { TrackingEventDetails } from '@openfeature/server-sdk'
import type { MeterDefinition } from '@throughline/core'

/** The part of `throughline.usage` that tracking writes to. */
export interface UsageRecorder {
  readonly meters: Readonly<Record<string, MeterDefinition>>
  record(meter: string, quantity?: number, options?: { readonly key?: string }): Promise<void>
}

/**
 * Records a tracked event as usage of the meter of that name, for the tenant of the open context. A `sum` meter takes
 * the event's `value` (1 without one), a `count` meter counts the event; `key` in the details makes it count once.
 * An event that no meter is named after is none of ours.
 */
export function trackUsage(
  usage: UsageRecorder | undefined,
  name: string,
  details: TrackingEventDetails,
  onError: (error: unknown) => void,
): void {
  const meter = usage && Object.hasOwn(usage.meters, name) ? usage.meters[name] : undefined
  if (!usage || !meter) return
  const { value, key } = details
  const quantity = meter.aggregate === 'sum' ? value : undefined
  // Also what is no text: it is refused, for an event that is to count once must not count each time.
  usage.record(name, quantity, key === undefined ? {} : { key: key as string }).catch(onError)
}
