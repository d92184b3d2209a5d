import { OpenFeature, ProviderEvents } from '@openfeature/server-sdk'
import type { FlagListener } from '@throughline/core'
import { createThroughline, ThroughlineError } from '@throughline/core'
import { throughlineProvider } from '@throughline/openfeature'
import { expect } from 'vitest'
import type { World } from '../world.ts'
import type { Step } from './step.ts'
import { step } from './step.ts'

const settled = (setting: Promise<void>): Promise<void> => setting.catch(() => undefined)

/** A provider in each state that a client can find it in, each reached by the instance, not by a stand-in for ours. */
async function inState(world: World, state: string): Promise<void> {
  const { throughline } = world
  if (state === 'stable') return world.setProvider(world.provider)
  if (state === 'not ready') {
    OpenFeature.setProvider(world.domain, throughlineProvider({ ...throughline, ready: () => new Promise(() => {}) }))
  } else if (state === 'error') {
    const ready = async () => {
      throw new ThroughlineError('RECORDS_UNAVAILABLE')
    }
    await settled(world.setProvider(throughlineProvider({ ...throughline, ready })))
  } else if (state === 'fatal') {
    const closed = createThroughline({ flags: { any: { rules: [], default: false } } })
    await closed.close()
    await settled(world.setProvider(throughlineProvider(closed)))
  } else if (state === 'stale') {
    let listener: FlagListener | undefined
    const watch = (told: FlagListener) => {
      listener = told
      return () => undefined
    }
    await world.setProvider(throughlineProvider({ ...throughline, flags: { ...throughline.flags, watch } }))
    listener?.({ type: 'stale' })
  } else throw new Error(`No provider can be "${state}".`)
}

export const providerSteps: readonly Step[] = [
  step(/^an? (stable|not ready|error|fatal|stale) provider$/, (world, [state = '']) => inState(world, state)),
  step(/^a provider is registered$|^a stable provider with retrievable context is registered$/, (world) =>
    inState(world, 'stable'),
  ),
  step(/^the provider status should be "(.*)"$/, (world, [status]) => {
    expect(world.client.providerStatus).toBe(status)
  }),
  step(/^a provider which supports events and requires initialization$/, (world) => {
    expect(world.provider.events).toBeDefined()
    expect(world.provider.initialize).toBeDefined()
  }),
  step(/^a PROVIDER_(READY|ERROR|CONFIGURATION_CHANGED) handler is attached$/, (world, [name = '']) => {
    const type = `PROVIDER_${name}` as ProviderEvents
    world.client.addHandler(type, (event) => {
      const { flagsChanged } = (event ?? {}) as { flagsChanged?: readonly string[] }
      world.events.push({ type, flagsChanged })
    })
  }),
  // The published sentence has lost a letter.
  step(/^the provider is set and successf?ully initialized$/, (world) => inState(world, 'stable')),
  step(/^the provider is set and fails to initialize$/, (world) => inState(world, 'error')),
  step(/^a flag with key "changing-flag" is modified$/, async (world) => {
    await inState(world, 'stable')
    await world.throughline.platform.run({ actor: { id: 'op' }, reason: 'scenario' }, (platform) =>
      platform.flags.define('changing-flag', { rules: [], default: true }),
    )
  }),
  step(/^the PROVIDER_(\w+) handler must run$/, async (world, [name]) => {
    await expect.poll(() => world.events.map(({ type }) => type)).toContain(`PROVIDER_${name}`)
  }),
  step(/^the event details must indicate "(.*)" was altered$/, (world, [key]) => {
    const changes = world.events.filter(({ type }) => type === ProviderEvents.ConfigurationChanged)
    expect(changes).toEqual([{ type: ProviderEvents.ConfigurationChanged, flagsChanged: [key] }])
  }),
]
