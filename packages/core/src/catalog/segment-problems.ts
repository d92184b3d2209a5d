import type { ConditionCheck } from './flag-condition-problems.ts'
import { checkConditions, MAX_CONDITIONS } from './flag-condition-problems.ts'
import { join, type Problems } from './problems.ts'
import { askedFrom, MAX_ASKED } from './ways.ts'

const MAX_SEGMENTS = 1_000

/** Reports what is wrong with the catalog's segments, and those that contain themselves. */
export function checkSegments(
  problems: Problems,
  path: string,
  segments: readonly (readonly [name: string, conditions: unknown])[],
): void {
  if (segments.length > MAX_SEGMENTS) problems.add(path, `must be at most ${MAX_SEGMENTS}.`)
  const names = segments.map(([name]) => name)
  const named = new Map<string, string[]>()
  for (const [name, conditions] of segments.slice(0, MAX_SEGMENTS)) {
    const within: string[] = []
    named.set(name, within)
    const check: ConditionCheck = {
      problems,
      segments: names,
      left: MAX_CONDITIONS,
      onSegment: (other) => void within.push(other),
    }
    checkConditions(check, join(path, name), conditions)
  }
  const within = (name: string): readonly string[] => named.get(name) ?? []
  for (const name of named.keys()) {
    if (askedFrom(name, within) > MAX_ASKED)
      problems.add(join(path, name), `must lead to at most ${MAX_ASKED} segments, counted along every way.`)
  }
  for (const circle of circles(named)) {
    problems.add(join(path, circle[0] as string), `must not contain itself: ${circle.join(' → ')}.`)
  }
}

/** Each way from a segment back to itself, told once. */
function circles(named: ReadonlyMap<string, readonly string[]>): readonly (readonly string[])[] {
  const found: (readonly string[])[] = []
  const done = new Set<string>()
  const visit = (name: string, way: readonly string[]): void => {
    const began = way.indexOf(name)
    if (began >= 0) found.push([...way.slice(began), name])
    if (began >= 0 || done.has(name)) return
    for (const other of named.get(name) ?? []) visit(other, [...way, name])
    done.add(name)
  }
  for (const name of named.keys()) visit(name, [])
  return found
}
