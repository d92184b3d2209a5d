import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { FlagPattern, MAX_MATCHED } from '../../src/catalog/flag-pattern.ts'
import { PatternError } from '../../src/catalog/flag-pattern-parser.ts'

/** Patterns of all that there is, short enough to say something. */
const { pattern } = fc.letrec<{ pattern: string; piece: string }>((tie) => ({
  pattern: fc.array(tie('piece'), { minLength: 1, maxLength: 4 }).map((pieces) => pieces.join('')),
  piece: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom(
      'a',
      'b',
      'ü',
      '😀',
      '.',
      '\\d',
      '\\W',
      '\\s',
      '\\.',
      '[ab]',
      '[^a]',
      '[a-c\\d]',
      '[\\]-]',
      '^',
      '$',
    ),
    fc
      .tuple(
        fc.constantFrom('a', 'b', '.', '[ab]'),
        fc.constantFrom('*', '+', '?', '{2}', '{1,}', '{0,2}', '*?', '{1}', '{1}?'),
      )
      .map(([one, count]) => one + count),
    tie('pattern').map((inner) => `(${inner})`),
    fc.tuple(tie('pattern'), fc.constantFrom('*', '+', '?', '{0,3}')).map(([inner, count]) => `(?:${inner})${count}`),
    fc.tuple(tie('pattern'), tie('pattern')).map(([one, other]) => `(${one}|${other})`),
  ),
}))
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'c', 'ü', '😀', '1', ' ', '.', ']', '-', '\n'), maxLength: 8 })

describe('FlagPattern', () => {
  it('matches what RegExp matches', () => {
    fc.assert(
      fc.property(pattern, text, (source, input) => {
        fc.pre(source.length <= 200)
        expect(new FlagPattern(source).test(input)).toBe(new RegExp(source, 'u').test(input))
      }),
      { numRuns: 500 },
    )
  })

  it('does not blow up where RegExp does', () => {
    const input = `${'a'.repeat(MAX_MATCHED - 1)}!`
    for (const source of ['^(a+)+$', '^(a|a)*$', '^(a|aa)+$', '^(.*a){12}$', '^((a*)*)*$'])
      expect(new FlagPattern(source).test(input)).toBe(false)
    expect(new FlagPattern('.').test('a'.repeat(MAX_MATCHED + 1))).toBe(false)
  })

  it.each([
    ['(a', /not closed/],
    ['a)', /too many/],
    ['[a', /not closed/],
    ['a**', /belongs to nothing/],
    ['*', /belongs to nothing/],
    ['^*', /repeats/],
    ['^{1}', /repeats/],
    ['a{2,1}', /from more to less/],
    ['a{101}', /more than 100/],
    ['a{x}', /no count/],
    ['[b-a]', /range/],
    ['[\\d-z]', /range/],
    ['(?=a)', /looked around/],
    ['(?<n>a)', /looked around/],
    ['(a)\\1', /not known/],
    ['\\b', /not known/],
    ['\\', /ends with/],
    ['((a{99}){99}){99}', /too much/],
    ['(((){99}){99}){99}', /too much/],
    ['a'.repeat(201), /200/],
  ])('refuses %s', (source, complaint) => {
    expect(() => new FlagPattern(source)).toThrow(PatternError)
    expect(() => new FlagPattern(source)).toThrow(complaint)
  })

  it('either compiles what it is given or refuses it', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab^$\\.*+?()[]{}|,-1:'), maxLength: 20 }), (source) => {
        let compiled: FlagPattern | undefined
        try {
          compiled = new FlagPattern(source)
        } catch (error) {
          expect(error).toBeInstanceOf(PatternError)
        }
        if (compiled) expect(compiled.test('ab1')).toBe(new RegExp(source, 'u').test('ab1'))
      }),
      { numRuns: 1_000 },
    )
  })
})
