import type {
  EvaluationContext,
  JsonValue,
  Provider,
  ResolutionDetails,
  TrackingEventDetails,
} from '@openfeature/server-sdk'
import { OpenFeatureEventEmitter, ProviderEvents, ProviderFatalError } from '@openfeature/server-sdk'
import type { FlagNotice } from '@throughline/core'
import { ThroughlineError } from '@throughline/core'
import { PROVIDER_NAME } from './provider-metadata.ts'
import type { FlagEvaluator, FlagKind } from './resolution.ts'
import { resolve } from './resolution.ts'
import type { UsageRecorder } from './tracking.ts'
import { trackUsage } from './tracking.ts'

/** An instance with flags, and with usage where it has meters. */
export interface EvaluatesFlags {
  readonly flags: FlagEvaluator & { watch(listener: (notice: FlagNotice) => void): () => void }
  readonly usage?: UsageRecorder
  ready(): Promise<void>
}

export interface ProviderOptions {
  /** Told when a tracked event could not be recorded as usage: `track` has no caller to tell. `console.warn` unless said. */
  onTrackingError?(error: unknown): void
}

/**
 * Throughline's flags as an OpenFeature provider, for the server. The tenant is the open context's and nobody else's:
 * evaluation contexts of every level add attributes, which rules read as `context.<name>`.
 *
 * @throws ThroughlineError `OPTIONS_INVALID`, also when the instance has no flags
 *
 * @example
 * await OpenFeature.setProviderAndWait(throughlineProvider(throughline))
 */
export function throughlineProvider(throughline: EvaluatesFlags, options: ProviderOptions = {}): Provider {
  if (!throughline?.flags) {
    throw new ThroughlineError('OPTIONS_INVALID', {
      message: 'The instance has no flags to provide.',
      remedy: 'Pass `flags` to `createThroughline`; `throughlineHook` alone needs none.',
    })
  }
  checkOptions(options)
  return new ThroughlineProvider(throughline, options)
}

function checkOptions(options: ProviderOptions): void {
  if (typeof options !== 'object' || options === null) throw invalid('options must be an object.')
  for (const [name, value] of Object.entries(options)) {
    if (name !== 'onTrackingError') throw invalid(`${name} is not known: there is onTrackingError.`)
    if (value !== undefined && typeof value !== 'function') throw invalid(`${name} must be a function.`)
  }
}

function invalid(problem: string): ThroughlineError {
  return new ThroughlineError('OPTIONS_INVALID', { message: `throughlineProvider: ${problem}` })
}

class ThroughlineProvider implements Provider {
  readonly metadata = { name: PROVIDER_NAME }
  readonly runsOn = 'server'
  readonly events: OpenFeatureEventEmitter = new OpenFeatureEventEmitter()
  readonly #throughline: EvaluatesFlags
  readonly #onTrackingError: (error: unknown) => void
  #unwatch: (() => void) | undefined

  constructor(throughline: EvaluatesFlags, { onTrackingError = warn }: ProviderOptions) {
    this.#throughline = throughline
    this.#onTrackingError = onTrackingError
  }

  /** Ready once the instance is; an instance that is closed never will be. */
  async initialize(): Promise<void> {
    this.#unwatch?.()
    this.#unwatch = this.#throughline.flags.watch((notice) => this.#tell(notice))
    try {
      await this.#throughline.ready()
    } catch (error) {
      if (error instanceof ThroughlineError && error.code === 'CLOSED') throw new ProviderFatalError(error.message)
      throw error
    }
  }

  /** The instance is the app's: it is not closed here. */
  async onClose(): Promise<void> {
    this.#unwatch?.()
    this.#unwatch = undefined
  }

  resolveBooleanEvaluation(
    key: string,
    fallback: boolean,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<boolean>> {
    return this.#resolve(key, 'boolean', fallback, context)
  }

  resolveStringEvaluation(
    key: string,
    fallback: string,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<string>> {
    return this.#resolve(key, 'string', fallback, context)
  }

  resolveNumberEvaluation(
    key: string,
    fallback: number,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<number>> {
    return this.#resolve(key, 'number', fallback, context)
  }

  resolveObjectEvaluation<T extends JsonValue>(
    key: string,
    fallback: T,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<T>> {
    return this.#resolve(key, 'object', fallback, context)
  }

  track(name: string, _context: EvaluationContext, details: TrackingEventDetails): void {
    trackUsage(this.#throughline.usage, name, details, this.#onTrackingError)
  }

  /** Not `async`: what is known at once costs one promise and no more. */
  #resolve<T extends JsonValue>(
    key: string,
    kind: FlagKind,
    fallback: T,
    context: EvaluationContext,
  ): Promise<ResolutionDetails<T>> {
    return Promise.resolve(resolve(this.#throughline.flags, key, kind, fallback, context))
  }

  #tell(notice: FlagNotice): void {
    if (notice.type === 'changed') {
      this.events.emit(ProviderEvents.ConfigurationChanged, { flagsChanged: [...notice.keys] })
    } else this.events.emit(notice.type === 'stale' ? ProviderEvents.Stale : ProviderEvents.Ready)
  }
}

function warn(error: unknown): void {
  console.warn('throughline: a tracked event was not recorded as usage:', error)
}
