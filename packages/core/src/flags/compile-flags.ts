import type { FlagConditions, FlagDefinition } from '../catalog/definitions.ts'
import { frozenCopy } from '../frozen-copy.ts'
import { CompiledFlag } from './compiled-flag.ts'
import type { Condition } from './condition.ts'
import { compileConditions } from './condition.ts'
import { keysBehind } from './prerequisites.ts'
import type { RankBounds } from './share.ts'

/** Every flag, ready to be evaluated; shared by all tenants until a definition changes. */
export type CompiledFlags = ReadonlyMap<string, CompiledFlag>

export interface CompileOptions {
  readonly segments?: Readonly<Record<string, FlagConditions>>
  /** Of the definitions that were changed at run time. */
  readonly versions?: ReadonlyMap<string, number>
  /** How far `exactly` reaches; without it nobody is in. */
  readonly bounds?: RankBounds
  /** ms, for subjects that say no time; without it the clock stands at 0. */
  now?(): number
}

/** Compiles valid definitions (see `flagProblems`). */
export function compileFlags(
  definitions: Readonly<Record<string, FlagDefinition>>,
  { segments = {}, versions = new Map(), bounds = () => undefined, now = () => 0 }: CompileOptions = {},
): CompiledFlags {
  const segment: (name: string) => Condition | undefined = lazily((name) => {
    const conditions = Object.hasOwn(segments, name) ? segments[name] : undefined
    return conditions && compileConditions(frozenCopy(conditions), { segment, now }, `segments.${name}`)
  })
  // Two changes at once can make a circle. Wherever one begins to go round it, nobody on it is met.
  const isRound = (key: string, asked: string): boolean => circular && keysBehind(definitions, [asked]).has(key)
  let circular = false
  const all = (): CompiledFlags => {
    const flag: (key: string) => CompiledFlag | undefined = lazily(
      (key) => {
        const definition = Object.hasOwn(definitions, key) ? definitions[key] : undefined
        const others = (asked: string) => (isRound(key, asked) ? undefined : flag(asked))
        // A copy has plain lists, and nobody changes it.
        const sources = { segment, flag: others, bounds, now, version: versions.get(key) }
        return definition && new CompiledFlag(key, frozenCopy(definition), sources)
      },
      () => {
        circular = true
      },
    )
    return new Map(Object.keys(definitions).map((key) => [key, flag(key) as CompiledFlag]))
  }
  const flags = all()
  return circular ? all() : flags
}

/**
 * Makes each thing once, when it is first asked for; `undefined` for one that is asked for while it is made.
 *
 * @param onCircle told of such a one
 */
function lazily<T>(make: (name: string) => T | undefined, onCircle?: () => void): (name: string) => T | undefined {
  const made = new Map<string, T | undefined>()
  const making = new Set<string>()
  return (name) => {
    if (making.has(name)) onCircle?.()
    else if (!made.has(name)) {
      making.add(name)
      made.set(name, make(name))
      making.delete(name)
    }
    return made.get(name)
  }
}
