import { didYouMean } from '../did-you-mean.ts'
import type { FlagSurroundings } from './flag-surroundings.ts'
import { describe, isObject, join, type Problems } from './problems.ts'
import { askedFrom, MAX_ASKED } from './ways.ts'

const PREREQUISITE_KEYS = ['flag', 'is']
const MAX_PREREQUISITES = 20

/** Reports what is wrong with the flags that another one needs: unknown ones, values they never have, and circles. */
export function checkPrerequisites(
  problems: Problems,
  path: string,
  prerequisites: unknown,
  around: FlagSurroundings,
): void {
  const { flags, key } = around
  const at = join(path, 'prerequisites')
  if (!Array.isArray(prerequisites) || prerequisites.length > MAX_PREREQUISITES) {
    problems.add(at, `must be a list of at most ${MAX_PREREQUISITES}, not ${describe(prerequisites)}.`)
    return
  }
  for (const [i, prerequisite] of prerequisites.entries())
    checkPrerequisite(problems, `${at}.${i}`, prerequisite, around)
  const circle = flags && key !== undefined && circleThrough(key, prerequisites, flags)
  if (circle) problems.add(at, `must not lead back to the flag itself: ${circle.join(' → ')}.`)
  else if (
    flags &&
    askedFrom(key ?? '', (one) => (one === key ? neededBy(prerequisites) : neededOf(one, flags))) > MAX_ASKED
  )
    problems.add(at, `must lead to at most ${MAX_ASKED} flags, counted along every way: this asks for more.`)
}

function checkPrerequisite(
  problems: Problems,
  at: string,
  prerequisite: unknown,
  { flags, keys = flags && Object.keys(flags) }: FlagSurroundings,
): void {
  if (!isObject(prerequisite)) {
    problems.add(at, `must be { flag, is }, not ${describe(prerequisite)}.`)
    return
  }
  problems.unknownKeys(at, prerequisite, PREREQUISITE_KEYS)
  const { flag, is } = prerequisite
  if (typeof flag !== 'string') {
    problems.add(join(at, 'flag'), `must be a flag's key, not ${describe(flag)}.`)
    return
  }
  if (typeof is !== 'boolean' && typeof is !== 'string')
    problems.add(join(at, 'is'), `must be true, false or the name of a variant, not ${describe(is)}.`)
  if (keys && !keys.includes(flag)) {
    problems.add(join(at, 'flag'), `names no flag, ${describe(flag)}.${didYouMean(flag.slice(0, 100), keys)}`)
    return
  }
  const definition = flags?.[flag]
  // One that is none is reported for itself.
  if (!isObject(definition)) return
  if (isObject(definition.variants)) {
    const names = Object.keys(definition.variants)
    if (typeof is === 'boolean' || (typeof is === 'string' && !names.includes(is)))
      problems.add(
        join(at, 'is'),
        `must name a variant of "${flag}", not ${describe(is)}.${didYouMean(String(is).slice(0, 100), names)}`,
      )
  } else if (typeof is === 'string') {
    problems.add(join(at, 'is'), `must be true or false, for "${flag}" is a boolean flag, not ${describe(is)}.`)
  }
}

/** The shortest way from a flag back to itself; `undefined` if there is none, or if it leads to too many to look at. */
function circleThrough(
  key: string,
  prerequisites: readonly unknown[],
  flags: Readonly<Record<string, unknown>>,
): readonly string[] | undefined {
  const askedBy = new Map<string, string>()
  const asking = [key]
  for (const one of asking) {
    for (const flag of one === key ? neededBy(prerequisites) : neededOf(one, flags)) {
      if (flag === key) return [...wayTo(one, askedBy), key]
      if (askedBy.has(flag)) continue
      askedBy.set(flag, one)
      asking.push(flag)
    }
    if (asking.length > MAX_ASKED) return undefined
  }
  return undefined
}

/** From the flag that nobody asked down to another one. */
function wayTo(flag: string, askedBy: ReadonlyMap<string, string>): readonly string[] {
  const way = [flag]
  for (let above = askedBy.get(flag); above !== undefined; above = askedBy.get(above)) way.unshift(above)
  return way
}

function neededOf(flag: string, flags: Readonly<Record<string, unknown>>): readonly string[] {
  const definition = Object.hasOwn(flags, flag) ? flags[flag] : undefined
  const needed = isObject(definition) && Array.isArray(definition.prerequisites) ? definition.prerequisites : []
  return neededBy(needed.slice(0, MAX_PREREQUISITES))
}

function neededBy(prerequisites: readonly unknown[]): readonly string[] {
  return prerequisites.flatMap((prerequisite) =>
    isObject(prerequisite) && typeof prerequisite.flag === 'string' ? [prerequisite.flag] : [],
  )
}
