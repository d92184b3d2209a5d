import { didYouMean } from '../did-you-mean.ts'
import { isPlainObject } from '../plain-object.ts'
import { isForbiddenKey, MAX_DEPTH } from './dotted-path.ts'

/** Something that is declared wrongly, and where. */
export interface Problem {
  /** `plans.free.quotas.reports`. */
  readonly path: string
  readonly message: string
}

/** Reported at the most; a catalog that is wrong throughout is not read to its end. */
const MAX_PROBLEMS = 100
/** Members looked at in one JSON value. */
const MAX_MEMBERS = 10_000
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what a name must not hold
const NAME = /^[^\u0000-\u001f\u007f]{1,100}$/

/** Collects problems, so that all of them are told at once. */
export class Problems {
  readonly list: Problem[] = []

  /** No more are told. */
  get isFull(): boolean {
    return this.list.length >= MAX_PROBLEMS
  }

  add(path: string, message: string): void {
    if (!this.isFull) this.list.push({ path, message })
  }

  addAll(problems: readonly Problem[]): void {
    for (const { path, message } of problems) this.add(path, message)
  }

  /** The members of an object with usable names; anything else is a problem and has none. */
  members(path: string, value: unknown): readonly (readonly [name: string, value: unknown])[] {
    if (!isPlainObject(value)) {
      this.add(path, `must be an object, not ${describe(value)}.`)
      return []
    }
    return Object.entries(value).filter(([name]) => {
      const at = join(path, name.slice(0, 100))
      if (isForbiddenKey(name)) this.add(at, 'is a name that is not allowed.')
      else if (!NAME.test(name)) this.add(at, 'must be a name of 1 to 100 characters, none of them control characters.')
      else return true
      return false
    })
  }

  /** Reports what is neither known nor `undefined`, with the nearest known name. */
  unknownKeys(path: string, value: object, known: readonly string[]): void {
    for (const name of Object.keys(value)) {
      if (!known.includes(name))
        this.add(join(path, name.slice(0, 100)), `is not known.${didYouMean(name.slice(0, 100), known)}`)
    }
  }

  optionalText(path: string, value: unknown): void {
    if (value !== undefined && typeof value !== 'string') this.add(path, `must be a text, not ${describe(value)}.`)
  }

  /** Reports what JSON can not say, or what is too large or too deep for it to be meant. */
  json(path: string, value: unknown): void {
    let members = 0
    const complaint = (part: unknown, depth: number): string | undefined => {
      if (++members > MAX_MEMBERS) return `must have at most ${MAX_MEMBERS} members.`
      if (part === null || typeof part === 'string' || typeof part === 'boolean') return undefined
      if (typeof part === 'number') return Number.isFinite(part) ? undefined : `must be JSON, not ${part}.`
      if (!Array.isArray(part) && !isPlainObject(part)) return `must be JSON, not ${describe(part)}.`
      if (depth >= MAX_DEPTH) return `must have at most ${MAX_DEPTH} levels.`
      // A list with holes is as long as it says.
      for (const [name, member] of Array.isArray(part) ? part.entries() : Object.entries(part)) {
        const found = isForbiddenKey(String(name)) ? `must not have a member "${name}".` : complaint(member, depth + 1)
        if (found) return found
      }
      return undefined
    }
    const found = complaint(value, 0)
    if (found) this.add(path, found)
  }
}

export function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`
}

/** What is declared is plain: of an instance of a class, such as a `Map`, nothing would be read. */
export { isPlainObject as isObject }

/** What a value is, for an error's sentence; never the whole of it. */
export function describe(value: unknown): string {
  if (value === null) return 'null'
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 60))
  if (typeof value === 'number' || typeof value === 'boolean' || value === undefined) return String(value)
  if (typeof value !== 'object') return `a ${typeof value}`
  return isPlainObject(value) ? 'an object' : 'an instance of a class'
}
