import { expect, it } from 'vitest'
import { ThroughlineError } from '../src/errors.ts'

it('knows an error of another copy of this package as its own, and no other', () => {
  class OfAnotherCopy extends Error {
    override readonly name = 'ThroughlineError'
  }
  expect(new OfAnotherCopy()).toBeInstanceOf(ThroughlineError)
  for (const value of [new Error('x'), { name: 'ThroughlineError' }, undefined, 'ThroughlineError'])
    expect(value).not.toBeInstanceOf(ThroughlineError)
  class OfTheApp extends ThroughlineError {}
  expect(new OfTheApp('CLOSED')).toBeInstanceOf(ThroughlineError)
  expect(new ThroughlineError('CLOSED')).not.toBeInstanceOf(OfTheApp)
})
