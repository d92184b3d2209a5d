export type { CheckedCatalog } from './checked-catalog.ts'
export type { ConcurrencyOptions } from './concurrency.ts'
export { concurrent } from './concurrency.ts'
export type { ConfigOutput, ConfigPath, ConfigValue } from './config-paths.ts'
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
  Quota,
  RateLimit,
  SlidingWindow,
  VariantFlag,
  WeightedVariants,
  WhenUnavailable,
} from './definitions.ts'
export { flagProblems } from './flag-problems.ts'
export type { FlagSurroundings } from './flag-surroundings.ts'
export { namedIn } from './flag-surroundings.ts'
export type { BooleanFlagKey, FlagKey, FlagValue, LimitName, MeterName, PlanName } from './keys.ts'
export type { QuotaOptions } from './quotas.ts'
export { quotaPerDay, quotaPerMonth } from './quotas.ts'
export type { RateOptions } from './rates.ts'
export { perDay, perHour, perMinute, perSecond } from './rates.ts'
export type { Register, RegisteredCatalog } from './register.ts'
export type { SlidingWindowOptions } from './sliding-window.ts'
export { slidingWindow } from './sliding-window.ts'
export { validateCatalog } from './validate-catalog.ts'
