import { afterEach, beforeEach } from 'vitest'
import { z } from 'zod'
import type { Throughline } from '../../src/index.ts'
import { createThroughline, memoryStorage, perMinute, quotaPerMonth, ThroughlineError } from '../../src/index.ts'

const options = {
  catalog: {
    flags: { beta: { default: true } },
    limits: { api: perMinute(1_000) },
    meters: { reports: { aggregate: 'count' } },
    plans: { free: { quotas: { reports: quotaPerMonth(1_000, { hard: true }) } } },
    config: z.object({ theme: z.string().default('light') }),
  },
  tenants: 'ours',
} as const

export type Instance = Throughline<(typeof options)['catalog'], typeof options>

export const catalog: (typeof options)['catalog'] = options.catalog
export const operator = { actor: { id: 'operator' }, reason: 'test' }
export const ada = { id: 'ada' }

export function open(): Instance {
  return createThroughline({ ...options, storage: memoryStorage() }) as unknown as Instance
}

/** An instance with every engine and two tenants, anew for each test of a file. */
export function useInstance(): () => Instance {
  let throughline: Instance
  beforeEach(async () => {
    throughline = open()
    await throughline.platform.run(operator, async (platform) => {
      await platform.tenants.create({ id: 'acme', plan: 'free' })
      await platform.tenants.create({ id: 'globex' })
    })
  })
  afterEach(() => throughline.close())
  return () => throughline
}

/** What a call is refused with, whether it throws or rejects. */
export async function refusal(call: () => unknown): Promise<ThroughlineError> {
  try {
    const result = call()
    // An asynchronous generator begins with its first step.
    if (typeof (result as AsyncGenerator)?.next === 'function') await (result as AsyncGenerator).next()
    else await result
  } catch (error) {
    if (error instanceof ThroughlineError) return error
    throw error
  }
  throw new Error('It was not refused.')
}
