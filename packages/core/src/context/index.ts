export type { AmbientContext, PlatformContext } from './ambient.ts'
export {
  ambientContext,
  bind,
  currentContext,
  currentScope,
  currentTenant,
  isPlatformContext,
  refresh,
  runIn,
  tryCurrentTenant,
} from './ambient.ts'
export type { CapturedContext } from './captured.ts'
export { capture, readCaptured } from './captured.ts'
export type { Envelope } from './envelope.ts'
export { envelope, readEnvelope } from './envelope.ts'
export type { ScopeHold } from './holds.ts'
export { decideHolds, giveBack, Holds } from './holds.ts'
export type { JoinedRecord } from './joined.ts'
export { runJoined } from './joined.ts'
export type { LogContext } from './log-context.ts'
export { logContext } from './log-context.ts'
export type { ScopeOwner, Snapshot, UsageEntry } from './scope.ts'
export { Scope } from './scope.ts'
export { tenantKey } from './tenant-key.ts'
