import type { FlagCondition, FlagConditions } from '../catalog/definitions.ts'
import { MAX_ASKED } from '../catalog/ways.ts'
import { attributeReader, type FlagSubject, isOfTenant } from './attribute.ts'
import type { FlagCheck } from './explanation.ts'
import { asksTime, compileCondition } from './operators.ts'

/** Something that holds for a subject or does not, and can say why. */
export interface Condition {
  /** Allocates nothing. */
  holds(subject: FlagSubject): boolean
  /** Whether it holds for everybody of a tenant, or for nobody; `undefined` where the tenant alone does not decide. */
  forTenant(subject: FlagSubject): boolean | undefined
  /** Every actor of a tenant gets the same answer, at any time. */
  readonly byTenant: boolean
  /** Something of the tenant is asked for. */
  readonly asksTenant: boolean
  /** Something of who acts, of the request or of the call is asked for. */
  readonly asksOthers: boolean
  /** Segments that it asks, along all ways. */
  readonly segments: number
  /** What was looked at, and what was seen. */
  check(subject: FlagSubject): FlagCheck
}

/** What conditions are compiled with. */
export interface ConditionSources {
  /** A segment by name; `undefined` for one that is not there (any more): nobody is in it. */
  segment(name: string): Condition | undefined
  /** ms, for a subject that says no time of its own. */
  now(): number
}

/** Valid conditions, all of which must hold, as one. */
export function compileConditions(conditions: FlagConditions, sources: ConditionSources, path = 'if'): Condition {
  // Own members, as they were checked.
  const { and, or, not, segment, ...attributes } = { ...conditions }
  const inside = (members: readonly FlagConditions[], at: string): readonly Condition[] =>
    members.map((member, i) => compileConditions(member, sources, `${at}.${i}`))
  const parts: Condition[] = []
  // Undefined is how TypeScript writes a member that is not there.
  for (const [attribute, condition] of Object.entries(attributes)) {
    if (condition !== undefined) parts.push(ofAttribute(attribute, condition, sources, `${path}["${attribute}"]`))
  }
  if (segment !== undefined) {
    const names = typeof segment === 'string' ? [segment] : segment
    const found = names.map((name) => sources.segment(name) ?? nobody(`segments.${name}`))
    const asked = either(found, `${path}.segment`)
    // One that has come to ask too much by changes of others has nobody in it.
    const segments = asked.segments + names.length
    parts.push(segments > MAX_ASKED ? nobody(`${path}.segment`) : { ...asked, segments })
  }
  if (and !== undefined) parts.push(all(inside(and, `${path}.and`), `${path}.and`))
  if (or !== undefined) parts.push(either(inside(or, `${path}.or`), `${path}.or`))
  if (not !== undefined) parts.push(opposite(compileConditions(not, sources, `${path}.not`), `${path}.not`))
  const [only, ...rest] = parts
  return only && rest.length === 0 ? only : all(parts, path)
}

/** All of them hold. */
export function all(parts: readonly Condition[], path: string): Condition {
  const asked = tenantFirst(parts)
  return {
    holds(subject) {
      for (const part of asked) if (!part.holds(subject)) return false
      return true
    },
    forTenant(subject) {
      let decides = true
      for (const part of parts) {
        const answer = part.forTenant(subject)
        if (answer === false) return false
        if (answer === undefined) decides = false
      }
      return decides ? true : undefined
    },
    byTenant: parts.every(({ byTenant }) => byTenant),
    asksTenant: parts.some(({ asksTenant }) => asksTenant),
    asksOthers: parts.some(({ asksOthers }) => asksOthers),
    segments: segmentsOf(parts),
    check: (subject) => group(path, parts, subject, (checks) => checks.every(({ holds }) => holds)),
  }
}

/** One of them holds. */
export function either(parts: readonly Condition[], path: string): Condition {
  const asked = tenantFirst(parts)
  return {
    holds(subject) {
      for (const part of asked) if (part.holds(subject)) return true
      return false
    },
    forTenant(subject) {
      let decides = true
      for (const part of parts) {
        const answer = part.forTenant(subject)
        if (answer === true) return true
        if (answer === undefined) decides = false
      }
      return decides ? false : undefined
    },
    byTenant: parts.every(({ byTenant }) => byTenant),
    asksTenant: parts.some(({ asksTenant }) => asksTenant),
    asksOthers: parts.some(({ asksOthers }) => asksOthers),
    segments: segmentsOf(parts),
    check: (subject) => group(path, parts, subject, (checks) => checks.some(({ holds }) => holds)),
  }
}

/** What nobody meets. */
export function nobody(path: string): Condition {
  const never = (): boolean => false
  return {
    holds: never,
    forTenant: never,
    byTenant: true,
    asksTenant: false,
    asksOthers: false,
    segments: 0,
    check: () => ({ path, holds: false }),
  }
}

function opposite(part: Condition, path: string): Condition {
  return {
    holds: (subject) => !part.holds(subject),
    forTenant(subject) {
      const answer = part.forTenant(subject)
      return answer === undefined ? undefined : !answer
    },
    byTenant: part.byTenant,
    asksTenant: part.asksTenant,
    asksOthers: part.asksOthers,
    segments: part.segments,
    check: (subject) => group(path, [part], subject, (checks) => !checks[0]?.holds),
  }
}

function ofAttribute(attribute: string, condition: FlagCondition, sources: ConditionSources, path: string): Condition {
  const read = attributeReader(attribute)
  const test = compileCondition(condition)
  const timely = asksTime(condition)
  const asksTenant = isOfTenant(attribute)
  const holds = timely
    ? (subject: FlagSubject) => test(read(subject), subject.asOf ?? sources.now())
    : (subject: FlagSubject) => test(read(subject), 0)
  return {
    holds,
    forTenant: (subject) => (asksTenant ? holds(subject) : undefined),
    byTenant: asksTenant && !timely,
    asksTenant,
    asksOthers: !asksTenant,
    segments: 0,
    check(subject) {
      try {
        return { path, holds: holds(subject), condition, value: read(subject) }
      } catch {
        // The answer does not need it: else there would be none to explain.
        return { path, holds: false, condition }
      }
    },
  }
}

/** In whatever order they are written: who acts is asked only where the tenant has not decided. */
function tenantFirst(parts: readonly Condition[]): readonly Condition[] {
  return [...parts.filter(({ asksOthers }) => !asksOthers), ...parts.filter(({ asksOthers }) => asksOthers)]
}

function segmentsOf(parts: readonly Condition[]): number {
  return parts.reduce((sum, { segments }) => sum + segments, 0)
}

function group(
  path: string,
  parts: readonly Condition[],
  subject: FlagSubject,
  holds: (checks: readonly FlagCheck[]) => boolean,
): FlagCheck {
  const checks = parts.map((part) => part.check(subject))
  return { path, holds: holds(checks), checks }
}
