import { expect } from 'vitest'
import type { Step, Table } from './step.ts'
import { step } from './step.ts'
import { kindOf, typedValue } from './typed-value.ts'

/** The published files write what is absent in two ways. */
const ABSENT = new Set(['None', 'null'])
const NAMES: Readonly<Record<string, string>> = { flag_key: 'flagKey', error_code: 'errorCode' }

function expectedDetails([, ...rows]: Table): Record<string, unknown> {
  return Object.fromEntries(
    rows.map(([word = '', key = '', text = '']) => [
      NAMES[key] ?? key,
      ABSENT.has(text) ? undefined : typedValue(kindOf(word), text),
    ]),
  )
}

export const hookSteps: readonly Step[] = [
  step(/^a client with added hook$/, (world) => {
    world.client.addHooks(world.recordingHook())
  }),
  step(/^evaluation options containing specific hooks$/, (world) => {
    const named = (name: string) => ({
      before: () => void world.hooks.push({ stage: `before ${name}` }),
      finally: () => void world.hooks.push({ stage: `finally ${name}` }),
    })
    world.options = { hooks: [named('first'), named('second')] }
  }),
  step(/^the "(.*)" hook should have been executed$/, (world, [stage]) => {
    expect(world.hooks.map((each) => each.stage)).toContain(stage)
  }),
  step(/^the "(.*)" hooks should be called with evaluation details$/, (world, [stages = ''], table) => {
    const expected = expectedDetails(table)
    for (const stage of stages.split(', ')) {
      const [called, ...more] = world.hooks.filter((each) => each.stage === stage)
      expect(more).toEqual([])
      for (const [key, value] of Object.entries(expected)) {
        expect(called?.details?.[key as keyof typeof called.details], `${stage}: ${key}`).toEqual(value)
      }
    }
  }),
  step(/^the specified hooks should execute during evaluation$/, (world) => {
    expect(world.hooks.map(({ stage }) => stage)).toEqual(expect.arrayContaining(['before first', 'finally second']))
  }),
  step(/^the hook order should be maintained$/, (world) => {
    const order = world.hooks.map(({ stage }) => stage).filter((stage) => stage.includes(' '))
    expect(order).toEqual(['before first', 'before second', 'finally second', 'finally first'])
  }),
]
