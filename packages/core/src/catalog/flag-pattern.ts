import { parsePattern } from './flag-pattern-parser.ts'
import type { PatternStep } from './flag-pattern-steps.ts'
import { patternSteps } from './flag-pattern-steps.ts'

/** Characters of a text that is searched; a longer one does not match. */
export const MAX_MATCHED = 1_000

/**
 * A regular expression that can not blow up: all its ways are followed at once, character by character (Thompson 1968),
 * so that a text costs at most its length times the pattern's. Finds the pattern anywhere, as `RegExp.test` does.
 */
export class FlagPattern {
  readonly #steps: readonly PatternStep[]
  readonly #marks: Uint32Array
  readonly #pending: Uint32Array
  #mark = 0
  /** Steps that take the next character; made once, so that a search allocates nothing. */
  #current: Uint32Array
  #next: Uint32Array
  /** Steps in the one that is being filled. */
  #filled = 0

  /** @throws PatternError with what is wrong, in words */
  constructor(source: string) {
    this.#steps = patternSteps(parsePattern(source))
    const { length } = this.#steps
    this.#marks = new Uint32Array(length)
    this.#pending = new Uint32Array(length * 2 + 1)
    this.#current = new Uint32Array(length)
    this.#next = new Uint32Array(length)
  }

  test(text: string): boolean {
    const { length } = text
    if (length > MAX_MATCHED) return false
    this.#filled = 0
    this.#mark = 1
    this.#marks.fill(0)
    for (let at = 0; ; ) {
      // Each position may be the first one.
      if (this.#follow(this.#current, 0, at, length)) return true
      if (at >= length) return false
      const code = text.codePointAt(at) as number
      at += code > 0xffff ? 2 : 1
      if (this.#take(code, at, length)) return true
      const spent = this.#current
      this.#current = this.#next
      this.#next = spent
    }
  }

  /** Goes on from the current steps that take a character; true once the end of the pattern is reached. */
  #take(code: number, at: number, length: number): boolean {
    const taking = this.#filled
    this.#mark++
    this.#filled = 0
    for (let i = 0; i < taking; i++) {
      const step = this.#current[i] as number
      const { set } = this.#steps[step] as PatternStep
      if (set?.has(code) && this.#follow(this.#next, step + 1, at, length)) return true
    }
    return false
  }

  /** Follows what takes no character, up to steps that take one; true once the end of the pattern is reached. */
  #follow(into: Uint32Array, from: number, at: number, length: number): boolean {
    let pending = 0
    this.#pending[pending++] = from
    while (pending > 0) {
      const index = this.#pending[--pending] as number
      if (this.#marks[index] === this.#mark) continue
      this.#marks[index] = this.#mark
      const step = this.#steps[index] as PatternStep
      if (step.kind === 'match') return true
      if (step.kind === 'take') into[this.#filled++] = index
      else if (step.kind === 'fork') {
        for (const to of step.to) this.#pending[pending++] = to
      } else if (step.kind === 'start' ? at === 0 : at === length) this.#pending[pending++] = index + 1
    }
    return false
  }
}
