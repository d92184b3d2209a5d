import { OpenFeature } from '@openfeature/server-sdk'
import { createThroughline } from '@throughline/core'
import { throughlineProvider } from '@throughline/openfeature'
import { expect } from 'vitest'
import { unreachableThroughline } from '../spec-throughline.ts'
import type { World } from '../world.ts'
import type { Step } from './step.ts'
import { step } from './step.ts'

const settled = (setting: Promise<void>): Promise<void> => setting.catch(() => undefined)

/** A provider in each state that a client can find it in, each reached by the instance, not by a stand-in for ours. */
export async function inState(world: World, state: string): Promise<void> {
  const { throughline } = world
  if (state === 'stable') return world.setProvider(world.provider)
  if (state === 'not ready') {
    OpenFeature.setProvider(world.domain, throughlineProvider({ ...throughline, ready: () => new Promise(() => {}) }))
  } else if (state === 'error' || state === 'unavailable') {
    await settled(world.setProvider(throughlineProvider(world.closing(unreachableThroughline()))))
  } else if (state === 'fatal') {
    const closed = createThroughline({ flags: { any: { rules: [], default: false } } })
    await closed.close()
    await settled(world.setProvider(throughlineProvider(closed)))
  } else if (state === 'stale') {
    await world.setProvider(world.provider)
    world.tell({ type: 'stale' })
  } else throw new Error(`No provider can be "${state}".`)
}

export const providerSteps: readonly Step[] = [
  step(/^an? (stable|not ready|error|fatal|stale|unavailable) provider$/, (world, [state = '']) =>
    inState(world, state),
  ),
  step(
    /^a provider is registered(?: with cache disabled)?$|^a stable provider with retrievable context is registered$/,
    (world) => inState(world, 'stable'),
  ),
  step(/^the provider status should be "(.*)"$/, (world, [status]) => {
    expect(world.client.providerStatus).toBe(status)
  }),
  step(/^the client should be in (ready|error|stale) state$/, (world, [state = '']) => {
    expect(world.client.providerStatus).toBe(state.toUpperCase())
  }),
  step(/^the provider metadata name should not be empty$/, (world) => {
    expect(world.client.metadata.providerMetadata.name).toBe('throughline')
  }),
  step(/^the provider is shut down$/, (world) => world.provider.onClose?.()),
  // It was waited for: one that hangs does not let the scenario get here.
  step(/^the shutdown should have completed within \d+ms$/, () => undefined),
  step(/^the provider is initialized again$/, (world) => world.provider.initialize?.()),
]
