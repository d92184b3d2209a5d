import { randomUUID } from 'node:crypto'
import type {
  Client,
  EvaluationContext,
  EvaluationDetails,
  FlagEvaluationOptions,
  FlagValue,
  Hook,
  JsonValue,
  Provider,
} from '@openfeature/server-sdk'
import { AsyncLocalStorageTransactionContextPropagator, OpenFeature } from '@openfeature/server-sdk'
import type { FlagListener } from '@throughline/core'
import { throughlineProvider } from '@throughline/openfeature'
import type { SpecThroughline } from './spec-throughline.ts'

export type Kind = 'boolean' | 'string' | 'integer' | 'float' | 'object'

/** What one scenario has set up and found out. Every evaluation runs in the context of one and the same tenant. */
export class World {
  readonly throughline: SpecThroughline
  readonly domain: string = randomUUID()
  readonly client: Client = OpenFeature.getClient(this.domain)
  provider: Provider
  flag: { readonly key: string; readonly kind: Kind; readonly fallback: JsonValue } | undefined
  context: EvaluationContext = {}
  transactionContext: EvaluationContext | undefined
  levels: readonly string[] = []
  options: FlagEvaluationOptions | undefined
  /** Attributes that reached our flags with the last evaluation. */
  attributes: Readonly<Record<string, unknown>> | undefined
  /** The value of an evaluation, to compare that of a later one with. */
  remembered: FlagValue | undefined
  /** Names of tracked events that reached our usage. */
  readonly tracked: string[] = []
  readonly hooks: { readonly stage: string; readonly details?: EvaluationDetails<FlagValue> }[] = []
  readonly events: { readonly type: string; readonly flagsChanged?: readonly string[] | undefined }[] = []
  /** Tells the provider what flags tell those that watch them. */
  tell: FlagListener = () => undefined
  readonly #closing: { close(): Promise<void> }[] = []
  #details: EvaluationDetails<FlagValue> | undefined

  constructor(throughline: SpecThroughline) {
    this.throughline = throughline
    const { flags, usage } = throughline
    this.provider = throughlineProvider({
      ready: () => throughline.ready(),
      flags: {
        watch: (listener) => {
          this.tell = listener
          return flags.watch(listener)
        },
        evaluate: (key: Parameters<typeof flags.evaluate>[0], options) => {
          this.attributes = options?.attributes
          return flags.evaluate(key, options)
        },
      },
      usage: {
        meters: usage.meters,
        record: (meter: 'the-event', ...rest) => {
          this.tracked.push(meter)
          return usage.record(meter, ...rest)
        },
      },
    })
  }

  get details(): EvaluationDetails<FlagValue> {
    if (!this.#details) throw new Error('Nothing was evaluated yet.')
    return this.#details
  }

  /** An instance of the scenario's own: it is closed at its end. */
  closing<I extends { close(): Promise<void> }>(instance: I): I {
    this.#closing.push(instance)
    return instance
  }

  async setProvider(provider: Provider): Promise<void> {
    this.provider = provider
    await OpenFeature.setProviderAndWait(this.domain, provider)
  }

  async evaluate(context: EvaluationContext = this.context): Promise<EvaluationDetails<FlagValue>> {
    if (!this.flag) throw new Error('The scenario names no flag.')
    const { key, kind, fallback } = this.flag
    this.#details = await this.inTenant(() => this.#ask(kind, key, fallback, context))
    return this.#details
  }

  /** By the client's functions that answer with the value alone. */
  evaluateValue(): Promise<JsonValue> {
    if (!this.flag) throw new Error('The scenario names no flag.')
    const { key, kind, fallback } = this.flag
    const { client, context } = this
    return this.inTenant((): Promise<JsonValue> => {
      if (kind === 'boolean') return client.getBooleanValue(key, fallback as boolean, context)
      if (kind === 'string') return client.getStringValue(key, fallback as string, context)
      if (kind === 'object') return client.getObjectValue(key, fallback, context)
      return client.getNumberValue(key, fallback as number, context)
    })
  }

  inTenant<R>(fn: () => R | Promise<R>): Promise<R> {
    return this.throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, () =>
      this.transactionContext ? this.#inTransaction(this.transactionContext, fn) : fn(),
    )
  }

  recordingHook(): Hook {
    const { hooks } = this
    return {
      before: () => void hooks.push({ stage: 'before' }),
      after: (_, details) => void hooks.push({ stage: 'after', details }),
      error: () => void hooks.push({ stage: 'error' }),
      finally: (_, details) => void hooks.push({ stage: 'finally', details }),
    }
  }

  async end(): Promise<void> {
    OpenFeature.setContext({})
    OpenFeature.clearHooks()
    await OpenFeature.clearProviders()
    for (const instance of this.#closing) await instance.close()
  }

  #inTransaction<R>(context: EvaluationContext, fn: () => R | Promise<R>): Promise<R> {
    OpenFeature.setTransactionContextPropagator(new AsyncLocalStorageTransactionContextPropagator())
    return new Promise((resolve, reject) => {
      OpenFeature.setTransactionContext(context, () => {
        Promise.resolve(fn()).then(resolve, reject)
      })
    })
  }

  #ask(
    kind: Kind,
    key: string,
    fallback: JsonValue,
    context: EvaluationContext,
  ): Promise<EvaluationDetails<FlagValue>> {
    const { client, options } = this
    if (kind === 'boolean') return client.getBooleanDetails(key, fallback as boolean, context, options)
    if (kind === 'string') return client.getStringDetails(key, fallback as string, context, options)
    if (kind === 'object') return client.getObjectDetails(key, fallback, context, options)
    return client.getNumberDetails(key, fallback as number, context, options)
  }
}
