export { throughlineHook } from './throughline-hook.ts'
export type { EvaluatesFlags, ProviderOptions } from './throughline-provider.ts'
export { throughlineProvider } from './throughline-provider.ts'
