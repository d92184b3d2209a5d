import type { FlagDefinition } from '../../catalog/definitions.ts'
import type { StoredDocument } from '../../storage/records.ts'
import type { CheckDefinition } from './definition-problems.ts'
import { definitionProblems } from './definition-problems.ts'
import type { FlagSetting } from './stored-flag.ts'
import { readStoredFlag, settingAt, waitingAt } from './stored-flag.ts'

type Definitions = Readonly<Record<string, FlagDefinition>>

/** Every flag as it is at one time. */
export interface EffectiveDefinitions {
  readonly definitions: Definitions
  /** Of those that were changed at run time: the version that holds. */
  readonly versions: ReadonlyMap<string, number>
  /** ms: when the newest scheduled change that holds began to; `undefined` if none does. */
  readonly since: number | undefined
  /** ms: when the next scheduled change begins to hold; `undefined` if none waits. */
  readonly until: number | undefined
}

/** What one version of a flag says, given what the catalog says of it. */
export function definitionOf(declared: FlagDefinition, { definition, archived }: FlagSetting): FlagDefinition {
  return archived ? { ...declared, enabled: false } : (definition ?? declared)
}

/** The same as it is served: what is not valid beside this catalog (any more) is its default for everybody. */
export function servedDefinition(
  check: CheckDefinition,
  key: string,
  declared: FlagDefinition,
  setting: FlagSetting,
): FlagDefinition {
  const broken = setting.definition && definitionProblems(check, key, declared, setting.definition).length > 0
  return definitionOf(declared, broken ? { version: setting.version, archived: true } : setting)
}

/**
 * What was changed at run time wins over the catalog; what is stored of a flag that the catalog has no more counts for
 * nothing.
 *
 * @param documents of the platform; those of other kinds are passed over
 */
export function effectiveDefinitions(
  catalog: Definitions,
  documents: readonly StoredDocument[],
  now: number,
  check: CheckDefinition,
): EffectiveDefinitions {
  const changed = new Map<string, FlagDefinition>()
  const versions = new Map<string, number>()
  let since: number | undefined
  let until: number | undefined
  for (const { kind, key, value } of documents) {
    const declared = kind === 'flags' && Object.hasOwn(catalog, key) ? catalog[key] : undefined
    if (!declared) continue
    const flag = readStoredFlag(value)
    const setting = settingAt(flag, now)
    changed.set(key, servedDefinition(check, key, declared, setting))
    // 0: a first change still waits for its time.
    if (setting.version > 0) versions.set(key, setting.version)
    if (setting.at !== undefined) since = Math.max(setting.at, since ?? setting.at)
    const [waiting] = waitingAt(flag, now)
    if (waiting) until = Math.min(waiting.at, until ?? waiting.at)
  }
  const definitions = Object.entries(catalog).map(([key, declared]) => [key, changed.get(key) ?? declared] as const)
  return { definitions: Object.fromEntries(definitions), versions, since, until }
}
