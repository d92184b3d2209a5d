import type { EvaluationContext, JsonValue, ResolutionDetails } from '@openfeature/server-sdk'
import { ErrorCode, StandardResolutionReasons } from '@openfeature/server-sdk'
import type { FlagEvaluation } from '@throughline/core'
import { ThroughlineError } from '@throughline/core'

/** The part of `throughline.flags` that evaluates. */
export interface FlagEvaluator {
  evaluate(key: string, options?: { readonly attributes?: Readonly<Record<string, unknown>> }): FlagEvaluation
}

const FAILURES = {
  GENERAL: 'a rule could not be evaluated',
  TARGETING_KEY_MISSING: 'a rule draws by actor, and the actor of this context is anonymous',
} as const

export type FlagKind = 'boolean' | 'string' | 'number' | 'object'

/**
 * Evaluates a flag for the tenant of the open context and answers in OpenFeature's terms: never throws, the default
 * with an error code instead. What the caller passed is attributes, and can't be anything else.
 */
export function resolve<T extends JsonValue>(
  flags: FlagEvaluator,
  key: string,
  kind: FlagKind,
  fallback: T,
  context: EvaluationContext,
): ResolutionDetails<T> {
  try {
    const evaluation = isEmpty(context) ? flags.evaluate(key) : flags.evaluate(key, { attributes: context })
    return answer(evaluation, key, kind, fallback)
  } catch (error) {
    return failure(fallback, codeOf(error), message(error, key))
  }
}

function answer<T extends JsonValue>(
  evaluation: FlagEvaluation,
  key: string,
  kind: FlagKind,
  fallback: T,
): ResolutionDetails<T> {
  const { value, variant, reason, rule, version, errorCode, metadata } = evaluation
  if (errorCode !== undefined) return failure(fallback, ErrorCode[errorCode], FAILURES[errorCode])
  if (!isOfKind(value, kind)) {
    return failure(fallback, ErrorCode.TYPE_MISMATCH, `flag ${key} has no value of type ${kind}`)
  }
  const resolved = { value: value as T, variant, reason }
  if (rule === undefined && version === undefined && metadata === undefined) return resolved
  return {
    ...resolved,
    flagMetadata: {
      ...metadata,
      ...(version !== undefined && { version: String(version) }),
      ...(rule !== undefined && { rule }),
    },
  }
}

/** Without attributes nothing has to be made for the call. */
function isEmpty(context: EvaluationContext): boolean {
  for (const _ in context) return false
  return true
}

function isOfKind(value: unknown, kind: FlagKind): boolean {
  return typeof value === kind && value !== null
}

function failure<T>(value: T, code: ErrorCode, errorMessage: string): ResolutionDetails<T> {
  return { value, reason: StandardResolutionReasons.ERROR, errorCode: code, errorMessage }
}

function codeOf(error: unknown): ErrorCode {
  if (!(error instanceof ThroughlineError)) return ErrorCode.GENERAL
  switch (error.code) {
    case 'FLAG_UNKNOWN':
      return ErrorCode.FLAG_NOT_FOUND
    case 'TENANT_REQUIRED':
    case 'CONTEXT_MISMATCH':
      return ErrorCode.INVALID_CONTEXT
    default:
      return ErrorCode.GENERAL
  }
}

function message(error: unknown, key: string): string {
  if (error instanceof ThroughlineError && error.code === 'FLAG_UNKNOWN') {
    return `flag ${key.slice(0, 100)} not found: ${error.message}`
  }
  return error instanceof Error ? error.message : String(error)
}
