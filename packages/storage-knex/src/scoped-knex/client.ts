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
import { invalidOptions } from './options.ts'
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
  const missing = unknownToKnex(compiler, scope.grammar.steps)
  if (missing.length > 0) {
    throw invalidOptions([`scopedKnex does not know this version of knex: it has no ${missing.join(', ')}.`])
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

    /** Knex calls it without its client. */
    override wrapIdentifierImpl(name: string): string {
      if (scope.grammar.isColumn(name)) return super.wrapIdentifierImpl(name)
      throw new ThroughlineError('SCOPE_UNSUPPORTED', {
        message: `The name "${name}" can not be told from a placeholder.`,
      })
    }

    override schemaBuilder(): never {
      throw new ThroughlineError('SCOPE_UNSUPPORTED', {
        message: 'A schema is no tenant’s: change it through the knex that the scoped db was made of.',
      })
    }

    override runner(statement: unknown): unknown {
      if (isRaw(statement)) return refusedRunner(refusedRaw('alone it is a whole statement'))
      if (statement instanceof Builder && builderTenant(statement) !== undefined) return super.runner(statement)
      const message = 'This statement was not made by the scoped db.'
      return refusedRunner(new ThroughlineError('SCOPE_UNSUPPORTED', { message }))
    }

    override destroy(): never {
      throw notItsOwn()
    }

    override initializePool(): never {
      throw notItsOwn()
    }
  }
}

/** Rejects rather than throws: a transaction whose callback returns the statement would else never roll back. */
function refusedRunner(refused: ThroughlineError): object {
  const refuse = (): never => {
    throw refused
  }
  return { run: () => Promise.reject(refused), stream: refuse, pipe: refuse }
}

function notItsOwn(): ThroughlineError {
  return new ThroughlineError('SCOPE_UNSUPPORTED', {
    message: 'The connections belong to the knex that the scoped db was made of; open and close them there.',
  })
}
