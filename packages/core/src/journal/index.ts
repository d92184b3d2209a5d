export type { ActivitySink, AddOptions, RequestEnd } from './activity.ts'
export { Activity } from './activity.ts'
export type { JournalHealth, JournalOptions } from './journal.ts'
export { Journal } from './journal.ts'
