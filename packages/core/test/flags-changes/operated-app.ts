import type { BooleanFlag } from '@throughline/core'
import { createThroughline, defineCatalog } from '@throughline/core'
import type { Storage } from '@throughline/core/storage'
import { memoryStorage } from '@throughline/core/storage'

export const START = Date.parse('2026-11-24T12:00:00Z')

export const catalog = defineCatalog({
  plans: { free: {}, pro: { features: ['exports'] } },
  flags: {
    exports: { default: false },
    reports: {
      rules: [
        { id: 'pros', if: { 'org.plan': 'pro' }, serve: true },
        { id: 'ramp', rollout: { percent: 10 }, serve: true },
      ],
      default: false,
    },
    layout: { variants: { wide: { columns: 3 }, narrow: { columns: 1 } }, default: 'narrow' },
  },
})

/** One instance whose clock is turned by hand, and an operator at it. */
export class OperatedApp {
  readonly storage: Storage
  readonly throughline
  readonly clock: { time: number }

  constructor(storage: Storage = memoryStorage(), clock = { time: START }) {
    this.storage = storage
    this.clock = clock
    this.throughline = createThroughline({
      catalog,
      tenants: 'ours',
      storage,
      clock: { now: () => clock.time },
      logger: { warn: () => undefined },
    })
  }

  /** Acts as the operator. */
  operate<R>(fn: (platform: OperatedApp['throughline']['platform']) => Promise<R>): Promise<R> {
    return this.throughline.platform.run({ actor: { id: 'olga', name: 'Olga' }, reason: 'TICKET-7' }, fn)
  }

  get flags(): OperatedFlags {
    return this.#each((platform) => platform.flags)
  }

  /** Evaluates a flag in a context of a tenant. */
  evaluate(tenant: string, key: keyof typeof catalog.flags) {
    return this.throughline.run({ tenant, actor: { id: 'ada' } }, () => this.throughline.flags.evaluate(key))
  }

  /** The operator's events of these actions, newest first. */
  async events(...action: string[]) {
    const { events } = await this.throughline.platform.run({ actor: { id: 'eve' }, reason: 'audit' }, (platform) =>
      platform.audit.list({ action }),
    )
    return events
  }

  async tenants(ids: readonly string[], plan: 'free' | 'pro' = 'free'): Promise<void> {
    await this.operate(async (platform) => {
      for (const id of ids) await platform.tenants.create({ id, plan })
    })
  }

  async close(): Promise<void> {
    await this.throughline.close()
  }

  /** `platform.flags` with each call in a run of its own. */
  #each(part: (platform: OperatedApp['throughline']['platform']) => OperatedFlags): OperatedFlags {
    return new Proxy({} as OperatedFlags, {
      get: (_, name) => {
        return (...args: unknown[]) =>
          this.operate((platform) => {
            const flags = part(platform) as unknown as Record<string | symbol, (...args: unknown[]) => Promise<unknown>>
            return (flags[name] as (...args: unknown[]) => Promise<unknown>)(...args)
          })
      },
    })
  }
}

export type OperatedFlags = OperatedApp['throughline']['platform']['flags']

export const off: BooleanFlag = { default: false, enabled: false }
