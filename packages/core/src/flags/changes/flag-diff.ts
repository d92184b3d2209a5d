import { isDeepStrictEqual } from 'node:util'
import { ALGORITHM } from '../../catalog/buckets.ts'
import type { FlagDefinition } from '../../catalog/definitions.ts'
import { isObject, join } from '../../catalog/problems.ts'
import { ruleId } from '../../catalog/rule-id.ts'
import type { Json } from '../../vocabulary.ts'

/** One thing that a change changed. */
export interface FlagDifference {
  /** `default`, `rules.ramp.rollout.percent`: rules go by their ids. `rules` alone: their order. */
  readonly path: string
  /** Absent: it was not there. A value of more than 200 characters is cut, as text. */
  readonly before?: Json
  /** Absent: it is not there any more. */
  readonly after?: Json
}

/** Differences named at the most; further ones are a last entry that says how many. */
const MAX_DIFFERENCES = 50
const MAX_VALUE = 200
const MAX_DEPTH = 8

/** What differs between two definitions of a flag. */
export function flagDiff(before: FlagDefinition, after: FlagDefinition): readonly FlagDifference[] {
  const found: FlagDifference[] = []
  const orders = [before, after].map(ruleIds)
  compare('', comparable(before), comparable(after), found, 0)
  const [old = [], young = []] = orders
  const [left, right] = [old.filter((id) => young.includes(id)), young.filter((id) => old.includes(id))]
  if (left.join('\n') !== right.join('\n')) found.push({ path: 'rules', before: left, after: right })
  if (found.length <= MAX_DIFFERENCES) return found
  const more = `${found.length - MAX_DIFFERENCES} more differences`
  return [...found.slice(0, MAX_DIFFERENCES), { path: '', after: more }]
}

function compare(path: string, before: unknown, after: unknown, found: FlagDifference[], depth: number): void {
  if (isObject(before) && isObject(after) && depth < MAX_DEPTH) {
    for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
      compare(join(path, name), own(before, name), own(after, name), found, depth + 1)
    }
  } else if (!isDeepStrictEqual(asStored(before), asStored(after))) {
    found.push({
      path,
      ...(before !== undefined && { before: shown(before) }),
      ...(after !== undefined && { after: shown(after) }),
    })
  }
}

/** In JSON a member that is `undefined` is none, and in whatever order members stand, they say the same. */
function asStored(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value))
}

/** Rules by id, so that one that is added in front changes none of the others; what is left out is as its default. */
function comparable(definition: FlagDefinition): Readonly<Record<string, unknown>> {
  const { rules = [], enabled = true, algorithm = ALGORITHM, ...rest } = definition
  const ids = ruleIds(definition)
  return { ...rest, enabled, algorithm, rules: Object.fromEntries(rules.map(({ id, ...rule }, i) => [ids[i], rule])) }
}

function ruleIds({ rules = [] }: FlagDefinition): readonly string[] {
  const ids: string[] = []
  for (const [position, rule] of rules.entries()) {
    const id = ruleId(rule, position)
    ids.push(ids.includes(id) ? `${id} (${position + 1})` : id)
  }
  return ids
}

/** A variant may be called `toString`. */
function own(value: Readonly<Record<string, unknown>>, name: string): unknown {
  return Object.hasOwn(value, name) ? value[name] : undefined
}

function shown(value: unknown): Json {
  const text = JSON.stringify(value)
  return text.length > MAX_VALUE ? `${text.slice(0, MAX_VALUE)}…` : (value as Json)
}
