export type { Audit, AuditPage, AuditScope, TrailReader } from './audit.ts'
export { createAudit, readTrail, walkTrail } from './audit.ts'
export type { NewAuditEvent } from './new-event.ts'
export type { AuditQuery } from './query.ts'
