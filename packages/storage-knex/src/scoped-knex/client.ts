import { ThroughlineError } from '@throughline/core/storage'
import { builderTenant, scopedBuilder } from './builder.ts'
import { scopedCompiler } from './compiler.ts'
import {
  type BuilderClass,
  type ClientClass,
  type CompilerClass,
  isRaw,
  type KnexBuilder,
  type KnexClient,
  type KnexCompiler,
  type KnexRaw,
  unknownToKnex,
} from './knex-internals.ts'
import { refusedRaw } from './raw-policy.ts'
import type { Scope } from './scope.ts'

/**
 * A client of the same dialect as `source` whose every builder and compiler is scoped. Transactions make theirs of its
 * prototype, so that what is opened inside one is scoped too.
 *
 * @throws ThroughlineError `OPTIONS_INVALID` for a knex that scoping does not know
 */
export function scopedClientClass(source: KnexClient, scope: Scope): ClientClass {
  const builder = source.queryBuilder()
  const compiler: KnexCompiler = source.queryCompiler(builder)
  const missing = unknownToKnex(compiler)
  if (missing.length > 0) {
    const problems = [`scopedKnex does not know this version of knex: it has no ${missing.join(', ')}.`]
    throw new ThroughlineError('OPTIONS_INVALID', { message: problems.join(' '), details: { problems } })
  }
  const Builder = scopedBuilder(builder.constructor as BuilderClass, scope)
  const Compiler = scopedCompiler(compiler.constructor as CompilerClass, scope)
  const Base = source.constructor as ClientClass

  return class ScopedClient extends Base {
    override queryBuilder(): KnexBuilder {
      return new Builder(this)
    }

    override queryCompiler(of: KnexBuilder, bindings?: unknown[]): KnexCompiler {
      return scope.makeCompiler(() => new Compiler(this, of, bindings))
    }

    override raw(sql: unknown, bindings?: unknown): KnexRaw {
      if (typeof sql === 'string') scope.raws.checkText(sql, bindings, 'expression')
      return super.raw(sql, bindings)
    }

    override schemaBuilder(): never {
      throw new ThroughlineError('SCOPE_UNSUPPORTED', {
        message: 'A schema is no tenant’s: change it through the knex that the scoped db was made of.',
      })
    }

    override runner(statement: unknown): unknown {
      if (isRaw(statement)) throw refusedRaw('alone it is a whole statement')
      if (!(statement instanceof Builder) || builderTenant(statement) === undefined) {
        throw new ThroughlineError('SCOPE_UNSUPPORTED', { message: 'This statement was not made by the scoped db.' })
      }
      return super.runner(statement)
    }

    override destroy(): never {
      throw notItsOwn()
    }

    override initializePool(): never {
      throw notItsOwn()
    }
  }
}

function notItsOwn(): ThroughlineError {
  return new ThroughlineError('SCOPE_UNSUPPORTED', {
    message: 'The connections belong to the knex that the scoped db was made of; open and close them there.',
  })
}
