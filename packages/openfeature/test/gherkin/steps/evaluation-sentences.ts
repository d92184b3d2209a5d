import type { JsonValue } from '@openfeature/server-sdk'
import { expect } from 'vitest'
import type { World } from '../world.ts'
import type { Step } from './step.ts'
import { step } from './step.ts'
import { kindOf, typedValue } from './typed-value.ts'

async function evaluate(world: World, word: string, key: string, text: string): Promise<void> {
  const kind = kindOf(word)
  world.flag = { key, kind, fallback: text === 'null' ? null : typedValue(kind, unquoted(text)) }
  const { value } = await world.evaluate()
  expect(await world.evaluateValue()).toEqual(value)
}

function unquoted(text: string): string {
  return text.replace(/^"(.*)"$/, '$1')
}

function resolvedTo(world: World, word: string, text: string): void {
  expect(world.details.value).toEqual(typedValue(kindOf(word), unquoted(text)))
}

/** The sentences of the older evaluation suite, which say everything at once. */
export const evaluationSentences: readonly Step[] = [
  step(
    /^an? (\w+) flag with key "(.*)" is evaluated with (?:details and )?(?:a )?(null )?default value ?(.*)$/,
    (world, [word = '', key = '', none = '', text = '']) => evaluate(world, word, key, none.trim() || text),
  ),
  step(
    /^a non-existent string flag with key "(.*)" is evaluated with details and a default value (.*)$/,
    (world, [key = '', text = '']) => evaluate(world, 'string', key, text),
  ),
  step(
    /^a string flag with key "(.*)" is evaluated as an integer, with details and a default value (\d+)$/,
    (world, [key = '', text = '']) => evaluate(world, 'integer', key, text),
  ),
  step(/^the resolved (boolean|string|integer|float) value should be (.*)$/, (world, [word = '', text = '']) => {
    resolvedTo(world, word, text)
  }),
  step(
    /^the resolved (boolean|string|integer|float) details value should be (.*), the variant should be "(.*)", and the reason should be "(.*)"$/,
    (world, [word = '', text = '', variant, reason]) => {
      resolvedTo(world, word, text)
      expect(world.details).toMatchObject({ variant, reason })
    },
  ),
  step(
    /^the resolved object (?:details )?value should be contain fields "(.*)", "(.*)", and "(.*)", with values "(.*)", "(.*)" and (\d+), respectively$/,
    (world, [first = '', second = '', third = '', flag, text, count]) => {
      expect(world.details.value).toEqual({ [first]: flag === 'true', [second]: text, [third]: Number(count) })
    },
  ),
  step(/^the variant should be "([^"]*)", and the reason should be "([^"]*)"$/, (world, [variant, reason]) => {
    expect(world.details).toMatchObject({ variant, reason })
  }),
  step(
    /^context contains keys "(.*)", "(.*)", "(.*)", "(.*)" with values "(.*)", "(.*)", (\d+), "(.*)"$/,
    (world, [first = '', last = '', age = '', customer = '', ...values]) => {
      const [firstName = '', lastName = '', years, isCustomer] = values
      world.context = {
        [first]: firstName,
        [last]: lastName,
        [age]: Number(years),
        [customer]: isCustomer === 'true',
      }
    },
  ),
  step(/^a flag with key "(.*)" is evaluated with default value "(.*)"$/, (world, [key = '', text = '']) =>
    evaluate(world, 'string', key, text),
  ),
  step(/^the resolved string response should be "(.*)"$/, (world, [text]) => {
    expect(world.details.value).toBe(text)
  }),
  step(/^the resolved flag value is "(.*)" when the context is empty$/, async (world, [text]) => {
    expect((await world.evaluate({})).value).toBe(text)
  }),
  step(/^the default (?:string|integer) value should be returned$/, (world) => {
    expect(world.details.value).toEqual(world.flag?.fallback as JsonValue)
  }),
  step(/^the reason should indicate an error and the error code should indicate .* with "(.*)"$/, (world, [code]) => {
    expect(world.details).toMatchObject({ reason: 'ERROR', errorCode: code })
  }),
]
