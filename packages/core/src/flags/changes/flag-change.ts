import { ALGORITHM } from '../../catalog/buckets.ts'
import type { FlagDefinition } from '../../catalog/definitions.ts'
import type { Problem } from '../../catalog/problems.ts'
import { describe, isObject } from '../../catalog/problems.ts'
import { didYouMean } from '../../did-you-mean.ts'
import type { FlagChangeKind, FlagHistoryEntry } from './flag-history.ts'
import { KEPT_VERSIONS } from './flag-history.ts'
import { asText, flagInvalid, refuseArchived, refuseProblems } from './flag-invalid.ts'
import type { FlagPatch } from './patch-definition.ts'
import { patchDefinition } from './patch-definition.ts'
import type { FlagSetting } from './stored-flag.ts'

/** A change of a flag: exactly one of them. */
export type FlagChange<Definition extends FlagDefinition = FlagDefinition> =
  | { readonly define: Definition }
  | { readonly patch: FlagPatch<Definition['default']> }
  | { readonly archive: true }
  /** A version of the flag's; 0 is the catalog's. */
  | { readonly rollback: number }
  | { readonly reset: true }

type Setting = Omit<FlagSetting, 'version'>

/** What a change is decided by. */
export interface ChangeBase {
  readonly key: string
  /** The catalog's. */
  readonly declared: FlagDefinition
  /** What holds when the change begins to. */
  readonly setting: FlagSetting
  /** What is wrong with a definition of this flag. */
  problems(definition: unknown): readonly Problem[]
  /** A version that is still kept. */
  kept(version: number): Promise<FlagHistoryEntry | undefined>
}

const KINDS: Readonly<Record<string, FlagChangeKind>> = {
  define: 'defined',
  patch: 'patched',
  archive: 'archived',
  rollback: 'rolled_back',
  reset: 'reset',
}
const NAMES = Object.keys(KINDS)

/**
 * What a flag is by a change.
 *
 * @throws ThroughlineError `FLAG_INVALID`
 */
export async function settingBy(base: ChangeBase, change: FlagChange): Promise<Setting> {
  if ('define' in change) return { definition: valid(base, change.define) }
  if ('patch' in change) return patched(base, change.patch)
  if ('archive' in change) return { archived: true }
  if ('rollback' in change) return rolledBack(base, change.rollback)
  return {}
}

/**
 * How the change is called on record.
 *
 * @throws ThroughlineError `FLAG_INVALID` if it is none, or several
 */
export function changeKind(change: unknown): FlagChangeKind {
  const names = isObject(change) ? Object.keys(change) : []
  const [name = ''] = names
  const kind = Object.hasOwn(KINDS, name) ? KINDS[name] : undefined
  if (kind && names.length === 1) return kind
  const given = isObject(change) ? `{ ${names.join(', ').slice(0, 100)} }` : describe(change)
  throw flagInvalid(`A change is one of ${NAMES.join(', ')}, not ${given}.${didYouMean(name.slice(0, 100), NAMES)}`)
}

function patched(base: ChangeBase, patch: FlagPatch): Setting {
  const { key, declared, setting } = base
  refuseArchived(key, setting)
  const before = setting.definition ?? declared
  const { definition, problems } = patchDefinition(before, patch, key)
  if (problems) refuseProblems(problems)
  if ((definition as FlagDefinition).enabled !== false) return { definition: valid(base, definition) }
  // Off it goes, whatever a deploy has taken away since of what it names.
  const known = new Set(base.problems(before).map(asText))
  refuseProblems(base.problems(definition).filter((problem) => !known.has(asText(problem))))
  return { definition: asStored(definition) }
}

async function rolledBack(base: ChangeBase, to: number): Promise<Setting> {
  if (!Number.isSafeInteger(to) || to < 0) throw flagInvalid(`"to" is ${describe(to)}; it must be a version's number.`)
  if (to === 0) return {}
  const entry = await base.kept(to)
  if (!entry) {
    throw flagInvalid(
      `There is no version ${to} of "${base.key}" to go back to. The last ${KEPT_VERSIONS} are kept: see \`history\`.`,
    )
  }
  if (entry.archived) return { archived: true }
  // The catalog may have changed since: what was right then need not be now.
  return entry.definition ? { definition: valid(base, entry.definition) } : {}
}

function valid(base: ChangeBase, definition: unknown): FlagDefinition {
  refuseProblems(base.problems(definition))
  return asStored(definition)
}

/** Whatever the caller does with it later, and with how it draws: a release that knows another way moves nobody. */
function asStored(definition: unknown): FlagDefinition {
  return { algorithm: ALGORITHM, ...JSON.parse(JSON.stringify(definition)) }
}
