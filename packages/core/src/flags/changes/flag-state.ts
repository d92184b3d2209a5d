import type { FlagDefinition } from '../../catalog/definitions.ts'
import type { Problem } from '../../catalog/problems.ts'
import { definitionOf } from './effective-definitions.ts'
import type { StoredFlag } from './stored-flag.ts'
import { settingAt, waitingAt } from './stored-flag.ts'

/** A flag as it is now, and what is to come. */
export interface FlagState {
  readonly key: string
  /** Of its newest version, in effect or not: what `expectedVersion` is compared with. 0: it was never changed. */
  readonly version: number
  /** What holds. */
  readonly definition: FlagDefinition
  /** Whose definition that is. */
  readonly source: 'catalog' | 'runtime'
  /** Everybody gets the catalog's default. */
  readonly archived: boolean
  /**
   * What is wrong with it beside this catalog and the other flags, since a deploy. Everybody gets a default: the
   * catalog's, or the definition's own where only what it needs can't be met. Absent if nothing is.
   */
  readonly problems?: readonly Problem[]
  /** By time. */
  readonly scheduled: readonly {
    readonly version: number
    /** ISO 8601, UTC. */
    readonly at: string
    readonly definition: FlagDefinition
    readonly archived: boolean
  }[]
}

/**
 * How a flag stands at a time, ms.
 *
 * @param check what is wrong with a definition of it
 */
export function flagState(
  key: string,
  declared: FlagDefinition,
  flag: StoredFlag,
  now: number,
  check: (definition: FlagDefinition) => readonly Problem[],
): FlagState {
  const setting = settingAt(flag, now)
  const problems = setting.definition ? check(setting.definition) : []
  return {
    key,
    version: flag.version,
    definition: definitionOf(declared, setting),
    source: setting.definition ? 'runtime' : 'catalog',
    archived: setting.archived === true,
    ...(problems.length > 0 && { problems }),
    scheduled: waitingAt(flag, now).map((waiting) => ({
      version: waiting.version,
      at: new Date(waiting.at).toISOString(),
      definition: definitionOf(declared, waiting),
      archived: waiting.archived === true,
    })),
  }
}
