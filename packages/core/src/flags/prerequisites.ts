import type { FlagDefinition } from '../catalog/definitions.ts'

type Definitions = Readonly<Record<string, FlagDefinition>>

/** Flags themselves, and those that their answers are built on. */
export function keysBehind(definitions: Definitions, asked: Iterable<string>): ReadonlySet<string> {
  const keys = new Set(asked)
  for (const each of keys) {
    const definition = Object.hasOwn(definitions, each) ? definitions[each] : undefined
    for (const { flag } of definition?.prerequisites ?? []) keys.add(flag)
  }
  return keys
}

/** Flags that ask this one as a prerequisite, directly or not. */
export function dependentsOf(definitions: Definitions, key: string): readonly string[] {
  const askedBy = new Map<string, string[]>()
  for (const [other, { prerequisites = [] }] of Object.entries(definitions)) {
    for (const { flag } of prerequisites) {
      const known = askedBy.get(flag)
      if (known) known.push(other)
      else askedBy.set(flag, [other])
    }
  }
  const found = new Set([key])
  for (const each of found) for (const other of askedBy.get(each) ?? []) found.add(other)
  return Object.keys(definitions).filter((other) => other !== key && found.has(other))
}
