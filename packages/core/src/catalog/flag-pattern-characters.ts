/** Characters that one step of a pattern takes. */
export interface CharacterSet {
  has(code: number): boolean
  /** The only one, where there is one. */
  readonly only?: number | undefined
}

type Range = readonly [low: number, high: number]

/** Code points by ranges, few of them. */
export class CharacterRanges implements CharacterSet {
  readonly #ranges: readonly Range[]
  readonly only: number | undefined

  constructor(ranges: readonly Range[]) {
    this.#ranges = ranges
    const [first] = ranges
    this.only = ranges.length === 1 && first && first[0] === first[1] ? first[0] : undefined
  }

  static of(character: string): CharacterRanges {
    const code = character.codePointAt(0) as number
    return new CharacterRanges([[code, code]])
  }

  has(code: number): boolean {
    for (const [low, high] of this.#ranges) if (code >= low && code <= high) return true
    return false
  }
}

const DIGIT = new CharacterRanges([[0x30, 0x39]])
const WORD = new CharacterRanges([
  [0x30, 0x39],
  [0x41, 0x5a],
  [0x5f, 0x5f],
  [0x61, 0x7a],
])
const LINE_ENDS = new CharacterRanges([
  [0x0a, 0x0a],
  [0x0d, 0x0d],
  [0x2028, 0x2029],
])
/** White space and line ends of ECMAScript. */
const SPACE = new CharacterRanges([
  [0x09, 0x0d],
  [0x20, 0x20],
  [0xa0, 0xa0],
  [0x1680, 0x1680],
  [0x2000, 0x200a],
  [0x2028, 0x2029],
  [0x202f, 0x202f],
  [0x205f, 0x205f],
  [0x3000, 0x3000],
  [0xfeff, 0xfeff],
])

/** Every character but those that end a line. */
export const ANY_CHARACTER: CharacterSet = not(LINE_ENDS)

/** `\d`, `\w`, `\s`, and what is not in them. */
export const CLASSES: ReadonlyMap<string, CharacterSet> = new Map([
  ['d', DIGIT],
  ['w', WORD],
  ['s', SPACE],
  ['D', not(DIGIT)],
  ['W', not(WORD)],
  ['S', not(SPACE)],
])

export const CONTROLS: ReadonlyMap<string, number> = new Map([
  ['t', 0x09],
  ['n', 0x0a],
  ['r', 0x0d],
])

function not(set: CharacterSet): CharacterSet {
  return { has: (code) => !set.has(code) }
}
