import { expect } from 'vitest'
import type { Step, Table } from './step.ts'
import { step } from './step.ts'
import { kindOf, typedValue } from './typed-value.ts'

/** Rows of a key, the kind of its value and the value, under a headline. */
function typedRows([, ...rows]: Table): Record<string, unknown> {
  return Object.fromEntries(rows.map(([key = '', word = '', text = '']) => [key, typedValue(kindOf(word), text)]))
}

/** The sentences of evaluation and metadata: a flag is named, evaluated with details, and looked at. */
export const evaluationSteps: readonly Step[] = [
  step(
    /^an? (\w+)-flag with key "(.*)" and a (?:default|fallback) value "(.*)"$/,
    (world, [word = '', key = '', text = '']) => {
      const kind = kindOf(word)
      world.flag = { key, kind, fallback: typedValue(kind, text) }
    },
  ),
  step(
    /^a context containing a key "(.*)", with type "(.*)" and with value "(.*)"$/,
    (world, [key = '', word = '', text = '']) => {
      world.context = { ...world.context, [key]: typedValue(kindOf(word), text) }
    },
  ),
  step(/^a context containing a key "(.*)" with null value$/, (world, [key = '']) => {
    world.context = { ...world.context, [key]: null }
  }),
  step(/^a context containing a targeting key with value "(.*)"$/, (world, [targetingKey = '']) => {
    world.context = { ...world.context, targetingKey }
  }),
  step(/^an evaluation context with modifiable data$/, (world) => {
    world.context = { email: 'ada@example.com', team: { members: ['ada', 'grace'] } }
  }),
  step(/^the flag was evaluated with details(?: using the evaluation options)?$/, (world) => world.evaluate()),
  step(/^the flag was evaluated with details asynchronously$/, async (world) => {
    const evaluating = world.evaluate()
    expect(evaluating).toBeInstanceOf(Promise)
    await evaluating
  }),
  step(/^the resolved details value should be "(.*)"$/, (world, [text = '']) => {
    expect(world.details.value).toEqual(typedValue(world.flag?.kind ?? 'string', text))
  }),
  step(/^the flag key should be "(.*)"$/, (world, [key]) => {
    expect(world.details.flagKey).toBe(key)
  }),
  step(/^the variant should be "([^"]*)"$/, (world, [variant]) => {
    expect(world.details.variant).toBe(variant)
  }),
  step(/^the reason should be "([^"]*)"$/, (world, [reason]) => {
    expect(world.details.reason).toBe(reason)
  }),
  step(/^the error-code should be "(.*)"$/, (world, [code]) => {
    expect(world.details.errorCode).toBe(code || undefined)
  }),
  step(/^the error message should contain "(.*)"$/, (world, [part]) => {
    expect(world.details.errorMessage).toContain(part)
  }),
  step(/^the error message should be empty$/, (world) => {
    expect(world.details.errorMessage).toBeUndefined()
  }),
  // What throws fails the scenario where it does.
  step(/^no exception should have been thrown$/, () => undefined),
  step(/^the resolved object value should contain$/, (world, _, table) => {
    expect(world.details.value).toMatchObject(typedRows(table))
  }),
  step(/^the resolved value is remembered$/, (world) => {
    world.remembered = world.details.value
  }),
  step(/^the resolved details value should have changed$/, (world) => {
    expect(world.remembered).toBeDefined()
    expect(world.details.value).not.toEqual(world.remembered)
  }),
  step(/^the resolved metadata should contain$/, (world, _, table) => {
    expect(world.details.flagMetadata).toMatchObject(typedRows(table))
  }),
  step(/^the resolved metadata is empty$/, (world) => {
    expect(world.details.flagMetadata).toEqual({})
  }),
  step(/^the original evaluation context should remain unmodified$/, (world) => {
    expect(world.context).toEqual({ email: 'ada@example.com', team: { members: ['ada', 'grace'] } })
  }),
  // The requirement it names, 1.4.14.1, is about metadata; the SDK's details themselves are an ordinary object.
  step(/^the evaluation details should be immutable$/, (world) => {
    expect(Object.isFrozen(world.details.flagMetadata)).toBe(true)
  }),
  step(/^the evaluation should complete without blocking$/, (world) => {
    expect(world.details.errorCode).toBeUndefined()
  }),
  step(/^the result should be equivalent to synchronous evaluation$/, async (world) => {
    const { value, variant, reason } = await world.inTenant(() => world.throughline.flags.evaluate('async-flag'))
    expect(world.details).toMatchObject({ value, variant, reason })
  }),
]
