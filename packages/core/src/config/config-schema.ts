import type { StandardSchemaV1 } from '@standard-schema/spec'
import { issuePath } from '../catalog/config-problems.ts'
import { isPromise, type MaybePromise } from '../maybe-promise.ts'
import type { ConfigTree } from './config-tree.ts'

/** One thing that is wrong with a config. */
export interface ConfigIssue {
  readonly path: string
  readonly message: string
}

export type ConfigCheck =
  | { readonly issues: readonly ConfigIssue[]; readonly output?: undefined }
  | { readonly issues?: undefined; readonly output: unknown }

/** Asks a Standard Schema; synchronous when the schema is. */
export function checkConfig(schema: StandardSchemaV1, input: ConfigTree): MaybePromise<ConfigCheck> {
  // A schema may write defaults into what it is given.
  const result = schema['~standard'].validate(structuredClone(input))
  return isPromise(result) ? Promise.resolve(result).then(readResult) : readResult(result)
}

function readResult(result: StandardSchemaV1.Result<unknown>): ConfigCheck {
  return result.issues
    ? { issues: result.issues.map((issue) => ({ path: issuePath(issue), message: issue.message })) }
    : { output: result.value }
}
