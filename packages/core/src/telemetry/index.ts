export { METRICS } from './metrics.ts'
export { detached } from './spans.ts'
export { Telemetry } from './telemetry.ts'
