export type { CheckedCatalog } from './checked-catalog.ts'
export type { ConcurrencyOptions } from './concurrency.ts'
export { concurrent } from './concurrency.ts'
export type { ConfigOutput, ConfigPath, ConfigValue } from './config-paths.ts'
export { isStandardSchema, issuePath } from './config-problems.ts'
export { defineCatalog } from './define-catalog.ts'
export type {
  BooleanFlag,
  Catalog,
  ConcurrencyLimit,
  ExactRollout,
  FlagAttribute,
  FlagCondition,
  FlagConditions,
  FlagDefinition,
  FlagLayer,
  FlagMetadata,
  FlagPrerequisite,
  FlagRing,
  FlagRule,
  FlagTime,
  FlagUnit,
  LimitBy,
  LimitDefinition,
  LimitLease,
  LimitPolicy,
  LimitPriority,
  MeterDefinition,
  PercentRollout,
  PlanDefinition,
  PolicyOptions,
  Quota,
  RateLimit,
  SlidingWindow,
  VariantFlag,
  WeightedVariants,
  WhenUnavailable,
} from './definitions.ts'
export { MAX_DEPTH, pathParts, valueAt } from './dotted-path.ts'
export type { FlagSurroundings } from './flag-problems.ts'
export { flagProblems } from './flag-problems.ts'
export type { BooleanFlagKey, FlagKey, FlagValue, LimitName, MeterName, PlanName } from './keys.ts'
export { limitProblems, quotaProblems } from './limit-problems.ts'
export { rateUnits } from './limit-units.ts'
export { nestPaths } from './nested.ts'
export type { Problem } from './problems.ts'
export { Problems } from './problems.ts'
export type { QuotaOptions } from './quotas.ts'
export { quotaPerDay, quotaPerMonth } from './quotas.ts'
export type { RateOptions } from './rates.ts'
export { perDay, perHour, perMinute, perSecond } from './rates.ts'
export type { Register, RegisteredCatalog } from './register.ts'
export type { SlidingWindowOptions } from './sliding-window.ts'
export { slidingWindow } from './sliding-window.ts'
export { validateCatalog } from './validate-catalog.ts'
