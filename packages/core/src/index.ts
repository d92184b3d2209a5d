// In the order a request meets them.

export type { Audit, AuditPage, AuditQuery, NewAuditEvent, PlatformAudit, ReportedEvaluation } from './audit/index.ts'
export type {
  BooleanFlag,
  BooleanFlagKey,
  Catalog,
  CheckedCatalog,
  ConcurrencyLimit,
  ConcurrencyOptions,
  ConfigOutput,
  ConfigPath,
  ConfigValue,
  ExactRollout,
  FlagAttribute,
  FlagCondition,
  FlagConditions,
  FlagDefinition,
  FlagKey,
  FlagLayer,
  FlagMetadata,
  FlagPrerequisite,
  FlagRing,
  FlagRule,
  FlagTime,
  FlagUnit,
  FlagValue,
  LimitBy,
  LimitDefinition,
  LimitLease,
  LimitName,
  LimitPolicy,
  LimitPriority,
  MeterDefinition,
  MeterName,
  PercentRollout,
  PlanDefinition,
  PlanName,
  Quota,
  QuotaOptions,
  RateLimit,
  RateOptions,
  Register,
  RegisteredCatalog,
  SlidingWindow,
  SlidingWindowOptions,
  VariantFlag,
  WeightedVariants,
  WhenUnavailable,
} from './catalog/index.ts'
export {
  concurrent,
  defineCatalog,
  perDay,
  perHour,
  perMinute,
  perSecond,
  quotaPerDay,
  quotaPerMonth,
  slidingWindow,
} from './catalog/index.ts'
export type { Clock } from './clock.ts'
export type { Config } from './config/index.ts'
export type { CapturedContext, Envelope, LogContext } from './context/index.ts'
export {
  bind,
  capture,
  currentContext,
  currentTenant,
  envelope,
  isPlatformContext,
  logContext,
  refresh,
  tenantKey,
  tryCurrentTenant,
} from './context/index.ts'
export type { ErrorCode } from './errors.ts'
export { ThroughlineError } from './errors.ts'
export type {
  AffectedTenants,
  DependentPreview,
  EvaluationOptions,
  FlagAttributes,
  FlagChange,
  FlagChangeOptions,
  FlagChangeResult,
  FlagCheck,
  FlagDifference,
  FlagDisparity,
  FlagEvaluation,
  FlagExplanation,
  FlagFlip,
  FlagListener,
  FlagNotice,
  FlagOverride,
  FlagPatch,
  FlagPreview,
  FlagReason,
  FlagState,
  FlagStep,
  Flags,
  FlagUse,
  FlagVersion,
  PlatformFlags,
} from './flags/index.ts'
export type { Guard, GuardHold, Guards } from './guards/index.ts'
export {
  background,
  checkGuards,
  guarded,
  guardList,
  meter,
  rateLimit,
  requireFlag,
  requirePlan,
  requireRole,
  strict,
} from './guards/index.ts'
export type { ThroughlineHost } from './instance.ts'
export type {
  ConsumeOptions,
  LimitHeaders,
  LimitHold,
  LimitResult,
  Limits,
  LimitsHealth,
  LoadSheddingOptions,
  PlatformLimits,
  PolicyResult,
  StoredLimitOverride,
} from './limits/index.ts'
export type { Moment } from './moment.ts'
export type { JournalSettings, Logger, Mode, TelemetryOptions, TenantsOptions, ThroughlineOptions } from './options.ts'
export type {
  ApiKeyLookup,
  ApiKeyOptions,
  ApiKeyOwner,
  HeaderOptions,
  HostOptions,
  PathPattern,
  SourceInput,
  SubdomainOptions,
  TenantClaim,
  TenantFunction,
  TenantSource,
  VerifiedClaims,
  VerifiedToken,
} from './resolve/index.ts'
export { fromApiKey, fromClaim, fromHeader, fromHost, fromPath, fromSubdomain } from './resolve/index.ts'
export type { RunInput } from './run-input.ts'
export type { MemoryStorageOptions, Storage, TimelineEvent } from './storage/index.ts'
export { combine, memoryLimits, memoryStorage } from './storage/index.ts'
export type {
  IsMember,
  ListTenants,
  Member,
  Members,
  NewTenant,
  PlatformTenants,
  TenantChanges,
  TenantColumns,
  TenantListing,
  TenantRow,
} from './tenants/index.ts'
export { createThroughline } from './throughline.ts'
export type { CatalogOf, Health, Platform, Throughline } from './throughline-type.ts'
export type { PlatformUsage, QuotaState, Usage, UsageReport } from './usage/index.ts'
export type {
  Actor,
  ActorInput,
  ActorType,
  Json,
  Outcome,
  RequestInfo,
  Target,
  Tenant,
  TenantContext,
  TenantStatus,
} from './vocabulary.ts'
export type { AppTransaction } from './within.ts'
export type { Worker, WorkerOptions } from './worker.ts'
export { startWorker } from './worker.ts'
