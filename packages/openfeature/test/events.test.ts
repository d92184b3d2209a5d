import { OpenFeature, ProviderEvents } from '@openfeature/server-sdk'
import { createThroughline } from '@throughline/core'
import { throughlineProvider } from '@throughline/openfeature'
import { afterAll, describe, expect, it } from 'vitest'

afterAll(() => OpenFeature.clearProviders())

describe('events', () => {
  it('are told from the start to the end, and not after', async () => {
    const instance = createThroughline({
      flags: { a: { rules: [], default: false }, b: { rules: [], default: false } },
    })
    const change = (key: 'a' | 'b', on: boolean) =>
      instance.platform.run({ actor: { id: 'op' }, reason: 'test' }, (platform) =>
        platform.flags.define(key, { rules: [], default: on }),
      )
    const watched = throughlineProvider(instance)
    const told: unknown[] = []
    OpenFeature.getClient('events-test').addHandler(ProviderEvents.ConfigurationChanged, (event) => {
      told.push(event)
    })
    await OpenFeature.setProviderAndWait('events-test', watched)
    await change('a', true)
    await change('b', true)
    await expect.poll(() => told).toHaveLength(2)
    expect(told).toMatchObject([
      { flagsChanged: ['a'], providerName: 'throughline' },
      { flagsChanged: ['b'], providerName: 'throughline' },
    ])
    await watched.onClose?.()
    await change('a', false)
    await instance.ready()
    expect(told).toHaveLength(2)
    await instance.close()
  })

  it('are told once, also of a provider that was initialized again', async () => {
    const listening = new Set<object>()
    const provider = throughlineProvider({
      ready: async () => undefined,
      flags: {
        evaluate: () => ({ value: true, variant: 'on', reason: 'STATIC' }),
        watch: (listener) => {
          listening.add(listener)
          return () => void listening.delete(listener)
        },
      },
    })
    await provider.initialize?.()
    await provider.initialize?.()
    expect(listening.size).toBe(1)
    await provider.onClose?.()
    expect(listening.size).toBe(0)
  })

  it('say when what is served is stale, and when it is fresh again', async () => {
    let send: (notice: { type: 'stale' | 'fresh' }) => void = () => undefined
    const staling = throughlineProvider({
      ready: async () => undefined,
      flags: {
        evaluate: () => ({ value: true, variant: 'on', reason: 'STATIC' }),
        watch: (listener) => {
          send = listener
          return () => undefined
        },
      },
    })
    const stale = OpenFeature.getClient('stale-test')
    await OpenFeature.setProviderAndWait('stale-test', staling)
    expect(stale.providerStatus).toBe('READY')
    send({ type: 'stale' })
    expect(stale.providerStatus).toBe('STALE')
    expect(await stale.getBooleanValue('any', false)).toBe(true)
    send({ type: 'fresh' })
    expect(stale.providerStatus).toBe('READY')
  })
})
