import type { StandardSchemaV1 } from '@standard-schema/spec'
import type { Json } from '../vocabulary.ts'
import { pathParts, valueAt } from './dotted-path.ts'
import { nestPaths } from './nested.ts'
import { describe, join, type Problem, Problems } from './problems.ts'

/** What is wrong with a config schema; nothing if it is a Standard Schema that accepts a tenant that set nothing. */
export function schemaProblems(schema: unknown, path = 'config'): readonly Problem[] {
  if (!isStandardSchema(schema)) {
    return [{ path, message: `must be a Standard Schema (zod, valibot, arktype …), not ${describe(schema)}.` }]
  }
  return answerOf(schema, {}).issues.map((issue) => ({
    path: join(path, issue.path),
    message: `must be optional or have a default: a tenant that set nothing has no value. ${issue.message}`,
  }))
}

/**
 * What is wrong with a plan's config defaults; nothing if they are right.
 *
 * @param schema the catalog's valid schema; `undefined` when it has none
 */
export function planConfigProblems(
  members: readonly (readonly [path: string, value: unknown])[],
  schema: StandardSchemaV1 | undefined,
  path: string,
): readonly Problem[] {
  const problems = new Problems()
  for (const [name, value] of members) {
    const at = `${path}["${name}"]`
    if (!schema) problems.add(at, 'is set, but the catalog has no config schema.')
    else if (!pathParts(name)) problems.add(at, 'is no path: give names joined by dots, 10 at the most.')
    else problems.json(at, value)
  }
  if (problems.list.length > 0 || !schema || members.length === 0) return problems.list
  const { issues, output } = answerOf(schema, nestPaths(members as readonly (readonly [string, Json])[]))
  for (const issue of issues) problems.add(join(path, issue.path), `is refused by the config schema: ${issue.message}`)
  if (output === undefined) return problems.list
  for (const [name, value] of members) {
    // A schema drops what it does not know: what is gone from its output was misspelt.
    if (value !== null && valueAt(output, pathParts(name) ?? []) === undefined) {
      problems.add(`${path}["${name}"]`, 'is not known to the config schema.')
    }
  }
  return problems.list
}

/** Whether a value is a Standard Schema, version 1 (standardschema.dev). */
export function isStandardSchema(schema: unknown): schema is StandardSchemaV1 {
  if ((typeof schema !== 'object' && typeof schema !== 'function') || schema === null) return false
  const standard = (schema as { readonly '~standard'?: unknown })['~standard']
  if (typeof standard !== 'object' || standard === null) return false
  const { version, validate } = standard as Partial<StandardSchemaV1.Props>
  return version === 1 && typeof validate === 'function'
}

/** A Standard Schema issue's path with dots. */
export function issuePath(issue: StandardSchemaV1.Issue): string {
  return (issue.path ?? []).map((part) => String(typeof part === 'object' ? part.key : part)).join('.')
}

interface SchemaAnswer {
  readonly issues: readonly Problem[]
  /** `undefined` when the schema refuses, or answers later: then it is asked when a tenant's config is loaded. */
  readonly output: unknown
}

function answerOf(schema: StandardSchemaV1, input: unknown): SchemaAnswer {
  const result = schema['~standard'].validate(input)
  if (result instanceof Promise) {
    result.catch(() => undefined)
    return { issues: [], output: undefined }
  }
  if (!result.issues) return { issues: [], output: result.value }
  return {
    issues: result.issues.map((issue) => ({ path: issuePath(issue), message: issue.message })),
    output: undefined,
  }
}
