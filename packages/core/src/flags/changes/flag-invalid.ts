import type { Problem } from '../../catalog/problems.ts'
import { Problems } from '../../catalog/problems.ts'
import { ThroughlineError } from '../../errors.ts'
import type { FlagSetting } from './stored-flag.ts'

/** @throws ThroughlineError `FLAG_INVALID`, naming everything that is wrong and where */
export function refuseProblems(problems: readonly Problem[]): void {
  if (problems.length === 0) return
  throw flagInvalid(problems.map(asText).join(' '), { problems })
}

/** @throws ThroughlineError `FLAG_INVALID` for what is not known: a guard that is misspelt would guard nothing */
export function refuseOptions(options: unknown, known: readonly string[]): void {
  const problems = new Problems()
  if (problems.members('options', options).length > 0) problems.unknownKeys('options', options as object, known)
  refuseProblems(problems.list)
}

/** What a refused change or option of a flag is told as. */
export function flagInvalid(message: string, details: Readonly<Record<string, unknown>> = {}): ThroughlineError {
  return new ThroughlineError('FLAG_INVALID', { message, details })
}

/** @throws ThroughlineError `FLAG_INVALID` for a flag that serves nobody, and could only surprise once it is back */
export function refuseArchived(key: string, { archived }: Pick<FlagSetting, 'archived'>): void {
  if (archived) throw flagInvalid(`"${key}" is archived: define it, roll it back or reset it, to have it again.`)
}

/** A problem as a sentence. */
export function asText({ path, message }: Problem): string {
  return `${path}: ${message}`
}
