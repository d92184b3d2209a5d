import { ProviderEvents } from '@openfeature/server-sdk'
import { expect } from 'vitest'
import type { World } from '../world.ts'
import { inState } from './provider-steps.ts'
import type { Step } from './step.ts'
import { step } from './step.ts'

/** Events as the two suites name them. */
const TYPES: Readonly<Record<string, ProviderEvents>> = {
  READY: ProviderEvents.Ready,
  ERROR: ProviderEvents.Error,
  STALE: ProviderEvents.Stale,
  CONFIGURATION_CHANGED: ProviderEvents.ConfigurationChanged,
  CHANGE: ProviderEvents.ConfigurationChanged,
}

function typeOf(name: string): ProviderEvents {
  const type = TYPES[name.toUpperCase()]
  if (!type) throw new Error(`"${name}" is no event.`)
  return type
}

function listen(world: World, type: ProviderEvents): void {
  world.client.addHandler(type, (event) => {
    const { flagsChanged } = (event ?? {}) as { flagsChanged?: readonly string[] }
    world.events.push({ type, flagsChanged })
  })
}

async function happened(world: World, type: ProviderEvents): Promise<void> {
  await expect.poll(() => world.events.map((event) => event.type)).toContain(type)
}

function toldOf(world: World, key: string | undefined): void {
  const type = ProviderEvents.ConfigurationChanged
  expect(world.events.filter((event) => event.type === type)).toEqual([{ type, flagsChanged: [key] }])
}

/** Serves the variant that it did not serve before. */
async function changeFlag(world: World): Promise<void> {
  const { platform, flags } = world.throughline
  const { variant } = await world.inTenant(() => flags.evaluate('changing-flag'))
  await platform.run({ actor: { id: 'op' }, reason: 'scenario' }, (operator) =>
    operator.flags.patch('changing-flag', { default: variant === 'foo' ? 'bar' : 'foo' }),
  )
}

/** What clients are told of the provider. */
export const eventSteps: readonly Step[] = [
  step(/^a provider which supports events and requires initialization$/, (world) => {
    expect(world.provider.events).toBeDefined()
    expect(world.provider.initialize).toBeDefined()
  }),
  step(/^an? (\w+) event handler$|^a PROVIDER_(\w+) handler is attached$/, (world, [name = '', other = '']) => {
    listen(world, typeOf(name || other))
  }),
  // The published sentence has lost a letter.
  step(/^the provider is set and successf?ully initialized$/, (world) => inState(world, 'stable')),
  step(/^the provider is set and fails to initialize$/, (world) => inState(world, 'error')),
  step(/^a flag with key "changing-flag" is modified$/, async (world) => {
    await inState(world, 'stable')
    await changeFlag(world)
  }),
  step(/^the flag was modified$/, (world) => {
    expect(world.flag?.key).toBe('changing-flag')
    return changeFlag(world)
  }),
  step(/^the connection is (lost|restored)$/, (world, [what]) => {
    world.tell({ type: what === 'lost' ? 'stale' : 'fresh' })
  }),
  step(/^an? (\w+) event was fired$/, async (world, [name = '']) => {
    await happened(world, typeOf(name))
    world.events.length = 0
  }),
  step(
    /^the (\w+) event handler should have been executed(?: within \d+ms)?$|^the PROVIDER_(\w+) handler must run$/,
    (world, [name = '', other = '']) => happened(world, typeOf(name || other)),
  ),
  step(/^the flag should be part of the event payload$/, (world) => toldOf(world, world.flag?.key)),
  step(/^the event details must indicate "(.*)" was altered$/, (world, [key]) => toldOf(world, key)),
]
