import type { DocumentKind, Json } from '@throughline/core/storage'
import type { ViewedEvent } from './viewed-event.ts'

/** One thing that is on record. Times are ISO 8601; an event that is not yet projected has no `seq`. */
export type ExportedRow =
  | ({ readonly kind: 'event'; readonly tenant: string } & ViewedEvent)
  | {
      readonly kind: 'usage'
      readonly tenant: string
      readonly meter: string
      /** The app's own key; absent: recorded without one, and added up by the hour. */
      readonly key?: string
      readonly hour: string
      readonly quantity: number
      readonly count: number
    }
  | {
      readonly kind: DocumentKind
      readonly tenant: string
      readonly key: string
      readonly value: Json
      readonly version: number
      readonly updatedAt: string
    }
