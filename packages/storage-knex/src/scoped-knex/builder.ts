import { ThroughlineError } from '@throughline/core/storage'
import type { BuilderClass, KnexBuilder, KnexClient } from './knex-internals.ts'
import type { Scope } from './scope.ts'

const TENANT: unique symbol = Symbol('throughline.scoped.tenant')

interface Owned {
  [TENANT]?: string
}

/** The tenant in whose context a builder was made; `undefined` for one that is not ours. */
export function builderTenant(builder: KnexBuilder): string | undefined {
  return (builder as Owned)[TENANT]
}

/** A builder that is its tenant's from the moment it is made. */
export function scopedBuilder(Base: BuilderClass, scope: Scope): BuilderClass {
  return class ScopedBuilder extends Base implements Owned {
    [TENANT]: string
    #timeout: number | undefined

    constructor(client: KnexClient) {
      super(client)
      this[TENANT] = scope.tenantId()
    }

    /** Every compiler of knex reads this as it is made: one that is not ours would leave the tenant out. */
    override get _timeout(): number | undefined {
      if (scope.makingCompiler) return this.#timeout
      throw new ThroughlineError('SCOPE_UNSUPPORTED', {
        message: 'A statement of the scoped db can not be part of, or run by, a knex that is not scoped.',
      })
    }

    override set _timeout(ms: number | undefined) {
      this.#timeout = ms
    }

    override clone(): KnexBuilder {
      const ambient = scope.ambientTenantId()
      if (ambient !== undefined && ambient !== this[TENANT]) {
        throw new ThroughlineError('SCOPE_TENANT_MISMATCH', {
          message: 'This statement was built in the context of another tenant.',
        })
      }
      return scope.as(this[TENANT], () => super.clone())
    }

    override truncate(): KnexBuilder {
      throw new ThroughlineError('SCOPE_UNSUPPORTED', {
        message: '`truncate` empties a table for all tenants.',
      })
    }
  }
}
