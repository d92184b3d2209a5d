import type { EventTemplate } from '../event.ts'
import { eventTemplate } from '../event.ts'
import { saidFrom, usageMetadata } from '../storage/usage-event.ts'

export interface UsageNote {
  readonly meter: string
  readonly quantity: number
  readonly key?: string
  readonly quotaPeriod?: string
  /** ms: when the latest of the tenant's periods began; absent where they are UTC's. */
  readonly periodFrom?: number
}

const MAX_TEMPLATES = 10_000
const usageTemplates = new Map<string, EventTemplate>()

/** The event that usage without a key leaves: one for all that is alike. */
export function usageTemplate(usage: UsageNote, at: number): EventTemplate {
  const { meter, quantity, quotaPeriod } = usage
  const key = `${meter}\n${quantity}\n${quotaPeriod ?? ''}\n${saidFrom(usage, at) ?? ''}`
  let template = usageTemplates.get(key)
  if (!template) {
    const targets = [{ type: 'meter', id: meter }]
    template = eventTemplate({ action: 'usage.recorded', targets, metadata: usageMetadata(usage, at) })
    if (usageTemplates.size >= MAX_TEMPLATES) usageTemplates.clear()
    usageTemplates.set(key, template)
  }
  return template
}
