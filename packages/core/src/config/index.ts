export type { Config, ConfigOptions, ConfigScope } from './config.ts'
export { createConfig } from './config.ts'
export type { ConfigView } from './config-view.ts'
export { configView } from './config-view.ts'
