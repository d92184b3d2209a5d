import { ThroughlineError } from '@throughline/core/storage'
import type { Grammar } from './grammar.ts'
import type { RawPolicy } from './raw-policy.ts'
import type { Sources } from './sources.ts'
import type { Tables } from './tables.ts'

/** The id of the tenant on whose behalf code runs; `undefined` outside a tenant context. */
export type CurrentTenantId = () => string | undefined

/** One statement at compile: whose it is, and which CTEs its tables may name. */
export interface Frame {
  readonly tenantId: string
  /** It is no part of another one. */
  readonly whole: boolean
  ctes: ReadonlySet<string>
}

const NO_CTES: ReadonlySet<string> = new Set()

/** What all builders and compilers of one `scopedKnex` share. Compiling is synchronous, so frames form a stack. */
export class Scope {
  readonly tables: Tables
  readonly sources: Sources
  readonly raws: RawPolicy
  readonly grammar: Grammar
  readonly #current: CurrentTenantId
  #frame: Frame | undefined
  #making = false

  constructor(grammar: Grammar, tables: Tables, sources: Sources, raws: RawPolicy, current: CurrentTenantId) {
    this.grammar = grammar
    this.tables = tables
    this.sources = sources
    this.raws = raws
    this.#current = current
  }

  /**
   * The tenant of a builder that is made now. What a callback makes while a statement compiles is that statement's.
   *
   * @throws ThroughlineError `TENANT_REQUIRED`
   */
  tenantId(): string {
    const id = this.#frame?.tenantId ?? this.#current()
    if (id === undefined) throw new ThroughlineError('TENANT_REQUIRED')
    return id
  }

  /** The tenant in whose context this code runs, if any. */
  ambientTenantId(): string | undefined {
    return this.#frame?.tenantId ?? this.#current()
  }

  /** Runs `fn` on behalf of a builder's own tenant, wherever it is called. */
  as<R>(tenantId: string, fn: () => R): R {
    return this.#within({ tenantId, whole: false, ctes: NO_CTES }, fn)
  }

  /**
   * Compiles a statement, within another one or alone. A builder that knex made elsewhere has no tenant and takes that
   * of the statement it is part of.
   *
   * @throws ThroughlineError `SCOPE_TENANT_MISMATCH` for a part that another tenant built
   * @throws ThroughlineError `SCOPE_UNSUPPORTED` for a whole statement that the scoped db did not make
   */
  compile<R>(own: string | undefined, fn: (frame: Frame) => R): R {
    const outer = this.#frame
    const tenantId = own ?? outer?.tenantId
    if (tenantId === undefined) {
      throw new ThroughlineError('SCOPE_UNSUPPORTED', { message: 'This statement was not made by the scoped db.' })
    }
    if (outer !== undefined && outer.tenantId !== tenantId) {
      throw new ThroughlineError('SCOPE_TENANT_MISMATCH', {
        message: 'A part of this statement was built in the context of another tenant.',
      })
    }
    const frame: Frame = { tenantId, whole: outer === undefined, ctes: outer?.ctes ?? NO_CTES }
    return this.#within(frame, () => fn(frame))
  }

  /** Makes a compiler of ours, the only one that may read a scoped builder. */
  makeCompiler<R>(make: () => R): R {
    this.#making = true
    try {
      return make()
    } finally {
      this.#making = false
    }
  }

  get makingCompiler(): boolean {
    return this.#making
  }

  #within<R>(frame: Frame, fn: () => R): R {
    const outer = this.#frame
    this.#frame = frame
    try {
      return fn()
    } finally {
      this.#frame = outer
    }
  }
}
