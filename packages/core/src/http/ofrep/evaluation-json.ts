import type { Scope } from '../../context/scope.ts'
import type { Json } from '../../vocabulary.ts'
import type { CallContext } from './call-context.ts'
import { OfrepFailure } from './ofrep-failure.ts'
import type { RemoteFlags } from './remote-flags.ts'

const FAILURES = {
  GENERAL: 'A rule could not be evaluated.',
  TARGETING_KEY_MISSING: 'A rule draws by actor, and the actor is anonymous.',
} as const

/** The reasons that OFREP has. Another is `UNKNOWN` there, and named in the metadata. */
const REASONS: ReadonlySet<string> = new Set(['STATIC', 'TARGETING_MATCH', 'SPLIT', 'DISABLED', 'UNKNOWN'])

/**
 * One flag as OFREP answers it.
 *
 * @throws OfrepFailure `FLAG_NOT_FOUND`, `TARGETING_KEY_MISSING`, `GENERAL`
 */
export function evaluationJson(flags: RemoteFlags, scope: Scope, key: string, { attributes }: CallContext): object {
  if (!flags.has(scope, key)) throw new OfrepFailure('FLAG_NOT_FOUND', 'No flag has this key.')
  const { value, reason, variant, rule, version, errorCode, metadata } = flags.evaluateIn(scope, key, attributes)
  if (errorCode !== undefined) throw new OfrepFailure(errorCode, FAILURES[errorCode])
  if (!isCarried(value)) {
    throw new OfrepFailure('GENERAL', 'OFREP carries no list and no null as a value: put it into an object.')
  }
  const known = REASONS.has(reason)
  return {
    key,
    value,
    reason: known ? reason : 'UNKNOWN',
    variant,
    metadata: {
      ...metadata,
      ...(version !== undefined && { version }),
      ...(rule !== undefined && { rule }),
      ...(!known && { reason }),
    },
  }
}

/** Whether OFREP has a type for it: boolean, text, number, object. */
function isCarried(value: Json): boolean {
  return value !== null && !Array.isArray(value)
}

/** All flags of the tenant: each with its value, or with why it has none. */
export function bulkJson(flags: RemoteFlags, scope: Scope, context: CallContext): readonly object[] {
  return [...flags.keysIn(scope)].map((key) => {
    try {
      return evaluationJson(flags, scope, key, context)
    } catch (error) {
      if (!(error instanceof OfrepFailure)) throw error
      return { key, errorCode: error.code, errorDetails: error.message }
    }
  })
}
