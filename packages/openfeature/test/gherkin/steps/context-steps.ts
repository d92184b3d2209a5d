import { OpenFeature } from '@openfeature/server-sdk'
import { expect } from 'vitest'
import type { World } from '../world.ts'
import type { Step } from './step.ts'
import { step } from './step.ts'
import { kindOf, typedValue } from './typed-value.ts'

function addEntry(world: World, level: string, key: string, value: string | number | boolean): void {
  const entry = { [key]: value }
  if (level === 'API') OpenFeature.setContext({ ...OpenFeature.getContext(), ...entry })
  else if (level === 'Transaction') world.transactionContext = { ...world.transactionContext, ...entry }
  else if (level === 'Client') world.client.setContext({ ...world.client.getContext(), ...entry })
  else if (level === 'Invocation') world.context = { ...world.context, ...entry }
  else if (level === 'Before Hooks') world.client.addHooks({ before: () => entry })
  else throw new Error(`"${level}" is no level of context.`)
}

/** Context entries of every level; what the provider hands to our flags is the merged context. */
export const contextSteps: readonly Step[] = [
  step(
    /^A context entry with key "(.*)" and value "(.*?)"(?: of type "(.*)")? is added to the "(.*)" level$/,
    (world, [key = '', text = '', word = '', level = '']) => {
      addEntry(world, level, key, typedValue(kindOf(word || 'string'), text) as string | number | boolean)
    },
  ),
  step(/^A table with levels of increasing precedence$/, (world, _, table) => {
    world.levels = table.map(([level = '']) => level)
  }),
  step(
    /^Context entries for each level from API level down to the "(.*)" level, with key "(.*)" and value ".*"(?: of type ".*")?$/,
    (world, [last = '', key = '']) => {
      for (const level of world.levels.slice(0, world.levels.indexOf(last) + 1)) addEntry(world, level, key, level)
    },
  ),
  step(/^Some flag was evaluated$/, async (world) => {
    world.flag = { key: 'boolean-flag', kind: 'boolean', fallback: false }
    await world.evaluate()
    expect(world.details.errorCode).toBeUndefined()
  }),
  step(
    /^The merged context contains an entry with key "(.*)" and value "(.*?)"(?: of type "(.*)")?$/,
    (world, [key = '', text = '', word = '']) => {
      expect(world.attributes?.[key]).toEqual(typedValue(kindOf(word || 'string'), text.trim()))
    },
  ),
  step(/^the evaluation context should allow missing "(.*)" field$/, (world, [key = '']) => {
    expect(world.attributes ?? {}).not.toHaveProperty(key)
  }),
]
