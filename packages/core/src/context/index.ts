export type { AmbientContext, OpenContext, PlatformContext } from './ambient.ts'
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
export type { ScopeHold } from './holds.ts'
export { decideHolds } from './holds.ts'
export type { ContextActivity, ScopeOwner, Snapshot, UsageEntry } from './scope.ts'
export { Scope } from './scope.ts'
