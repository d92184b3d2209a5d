import type { FlagMetadata } from '../../catalog/definitions.ts'
import type { ScopeHold } from '../../context/holds.ts'
import type { Scope } from '../../context/scope.ts'
import type { MaybePromise } from '../../maybe-promise.ts'
import type { Json } from '../../vocabulary.ts'

/** What a caller adds: rules read it under `context.` and nowhere else. */
export type CallAttributes = Readonly<Record<string, unknown>>

/** What a flag is for the open context, and why. */
export interface RemoteEvaluation {
  readonly value: Json
  readonly variant: string
  readonly reason: string
  readonly rule?: string
  readonly version?: number
  readonly errorCode?: 'GENERAL' | 'TARGETING_KEY_MISSING'
  readonly metadata?: FlagMetadata
}

/** Flags, for callers that are elsewhere. */
export interface RemoteFlags {
  /** Keys of all flags, in the order of the catalog. */
  keysIn(scope: Scope): Iterable<string>
  has(scope: Scope, key: string): boolean
  evaluateIn(scope: Scope, key: string, attributes: CallAttributes | undefined): RemoteEvaluation
  /** Tells whose flags may have changed, `undefined` for everybody's, until the function it answers is called. */
  watch(listener: (tenant: string | undefined) => void): () => void
}

/** What OFREP asks of the instance; a part whose option is absent is not there. */
export interface RemoteEngines {
  readonly remoteFlags?: RemoteFlags
  readonly limitNames?: readonly string[]
  readonly limits?: {
    /** Throws (or rejects with) the refusal. */
    requireIn(scope: Scope, names: string, cost: number): MaybePromise<ScopeHold | undefined>
  }
}
