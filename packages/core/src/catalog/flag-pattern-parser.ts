import type { CharacterSet } from './flag-pattern-characters.ts'
import { ANY_CHARACTER, CharacterRanges, CLASSES, CONTROLS } from './flag-pattern-characters.ts'

/** What a pattern is made of. */
export type PatternNode =
  | { readonly kind: 'take'; readonly set: CharacterSet }
  | { readonly kind: 'start' }
  | { readonly kind: 'end' }
  | { readonly kind: 'sequence'; readonly nodes: readonly PatternNode[] }
  | { readonly kind: 'either'; readonly nodes: readonly PatternNode[] }
  | { readonly kind: 'repeat'; readonly node: PatternNode; readonly least: number; readonly most: number }

const MAX_SOURCE = 200
const MAX_REPEAT = 100
const COUNT = /^\{(\d{1,3})(,(\d{0,3}))?\}/
const SYNTAX = '^$\\.*+?()[]{}|/'

export class PatternError extends Error {}

/** @throws PatternError with what is wrong, in words */
export function parsePattern(source: string): PatternNode {
  if (source.length > MAX_SOURCE) throw new PatternError(`must have at most ${MAX_SOURCE} characters.`)
  return new Parser(source).parse()
}

class Parser {
  readonly #source: string
  #at = 0

  constructor(source: string) {
    this.#source = source
  }

  parse(): PatternNode {
    const node = this.#either()
    if (this.#at < this.#source.length) throw new PatternError('has a ")" too many.')
    return node
  }

  #either(): PatternNode {
    const nodes = [this.#sequence()]
    while (this.#takes('|')) nodes.push(this.#sequence())
    return nodes.length === 1 ? (nodes[0] as PatternNode) : { kind: 'either', nodes }
  }

  #sequence(): PatternNode {
    const nodes: PatternNode[] = []
    while (this.#at < this.#source.length && !this.#sees('|') && !this.#sees(')')) nodes.push(this.#repeated())
    return { kind: 'sequence', nodes }
  }

  #repeated(): PatternNode {
    const node = this.#one()
    const count = this.#count()
    if (!count) return node
    if (node.kind === 'start' || node.kind === 'end') throw new PatternError('repeats "^" or "$".')
    // Whether as much or as little as possible is taken does not matter: what is asked is whether it matches.
    this.#takes('?')
    const [least, most] = count
    return { kind: 'repeat', node, least, most }
  }

  #count(): readonly [least: number, most: number] | undefined {
    if (this.#takes('*')) return [0, Number.POSITIVE_INFINITY]
    if (this.#takes('+')) return [1, Number.POSITIVE_INFINITY]
    if (this.#takes('?')) return [0, 1]
    if (!this.#sees('{')) return undefined
    const [whole, first = '', range, last = ''] = COUNT.exec(this.#source.slice(this.#at)) ?? []
    if (whole === undefined) throw new PatternError('has a "{" that is no count, such as {2,5}.')
    this.#at += whole.length
    const least = Number(first)
    const most = range === undefined ? least : last === '' ? Number.POSITIVE_INFINITY : Number(last)
    if (most < least) throw new PatternError('has a count from more to less.')
    if (least > MAX_REPEAT || (most > MAX_REPEAT && most !== Number.POSITIVE_INFINITY))
      throw new PatternError(`repeats more than ${MAX_REPEAT} times.`)
    return [least, most]
  }

  #one(): PatternNode {
    if (this.#takes('^')) return { kind: 'start' }
    if (this.#takes('$')) return { kind: 'end' }
    if (this.#takes('.')) return { kind: 'take', set: ANY_CHARACTER }
    if (this.#takes('(')) return this.#group()
    if (this.#takes('[')) return { kind: 'take', set: this.#set() }
    const character = this.#character()
    if (character === '\\') return { kind: 'take', set: this.#escaped(SYNTAX) }
    if (SYNTAX.includes(character) && character !== '/')
      throw new PatternError(`has a "${character}" that belongs to nothing; "\\${character}" is the character.`)
    return { kind: 'take', set: CharacterRanges.of(character) }
  }

  #group(): PatternNode {
    if (this.#takes('?') && !this.#takes(':')) {
      throw new PatternError('has a "(?"; there is only (?:…), for nothing is looked around for or remembered.')
    }
    const node = this.#either()
    if (!this.#takes(')')) throw new PatternError('has a "(" that is not closed.')
    return node
  }

  #set(): CharacterSet {
    const negated = this.#takes('^')
    const sets: CharacterSet[] = []
    while (!this.#takes(']')) {
      const low = this.#member()
      if (this.#source.startsWith('-]', this.#at) || !this.#takes('-')) {
        sets.push(low)
        continue
      }
      const high = this.#member()
      if (low.only === undefined || high.only === undefined || low.only > high.only)
        throw new PatternError('has a range in "[…]" that is none.')
      sets.push(new CharacterRanges([[low.only, high.only]]))
    }
    return oneOf(sets, negated)
  }

  #member(): CharacterSet {
    if (this.#at >= this.#source.length) throw new PatternError('has a "[" that is not closed.')
    const character = this.#character()
    return character === '\\' ? this.#escaped(`${SYNTAX}-`) : CharacterRanges.of(character)
  }

  #escaped(characters: string): CharacterSet {
    if (this.#at >= this.#source.length) throw new PatternError('ends with "\\".')
    const name = this.#character()
    const set = CLASSES.get(name)
    if (set) return set
    const code = CONTROLS.get(name)
    if (code !== undefined) return new CharacterRanges([[code, code]])
    if (characters.includes(name)) return CharacterRanges.of(name)
    throw new PatternError(`has "\\${name}", which is not known: there are \\d \\w \\s \\D \\W \\S \\t \\n \\r.`)
  }

  #character(): string {
    const character = String.fromCodePoint(this.#source.codePointAt(this.#at) as number)
    this.#at += character.length
    return character
  }

  #sees(character: string): boolean {
    return this.#source[this.#at] === character
  }

  #takes(character: string): boolean {
    if (!this.#sees(character)) return false
    this.#at++
    return true
  }
}

/** Asked of each character of a text: it allocates nothing. */
function oneOf(sets: readonly CharacterSet[], negated: boolean): CharacterSet {
  return {
    has(code) {
      for (const set of sets) if (set.has(code)) return !negated
      return negated
    },
  }
}
