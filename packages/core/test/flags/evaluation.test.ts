import { describe, expect, it } from 'vitest'
import type { FlagEvaluation } from '../../src/flags/evaluation.ts'
import { servesSame } from '../../src/flags/evaluation.ts'
import type { Json } from '../../src/vocabulary.ts'

const serves = (variant: string, value: Json): FlagEvaluation => ({ variant, value, reason: 'STATIC' })

describe('what is served is the same', () => {
  const wide = serves('wide', { columns: 3, rows: [{ height: 1, hidden: false }] })

  it('for whatever reason, and in whatever order members are written', () => {
    expect(servesSame(wide, { ...wide, reason: 'SPLIT', rule: 'ramp', version: 4 })).toBe(true)
    expect(servesSame(wide, serves('wide', { rows: [{ hidden: false, height: 1 }], columns: 3 }))).toBe(true)
  })

  it('only by the same variant and the same value', () => {
    expect(servesSame(wide, { ...wide, variant: 'narrow' })).toBe(false)
    for (const value of [null, { columns: 3 }, { columns: '3', rows: [{ height: 1, hidden: false }] }, [wide.value]])
      expect(servesSame(wide, serves('wide', value))).toBe(false)
    expect(servesSame(serves('list', [1, 2]), serves('list', [2, 1]))).toBe(false)
  })
})
