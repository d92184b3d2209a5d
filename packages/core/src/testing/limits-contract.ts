import type { ContractCase } from './contract/bench.ts'
import type { LimitsUnderTest } from './contract/limits-bench.ts'
import { LimitsBench } from './contract/limits-bench.ts'
import { limitsCases } from './contract/limits-cases.ts'

export type { LimitsUnderTest } from './contract/limits-bench.ts'

export interface LimitsContractOptions {
  /** Stands before the name of every case. */
  readonly name: string
  /** A store for one case, which goes by the caller's clock; cases have keys of their own, so it may be the same each time. */
  create(): Promise<LimitsUnderTest>
}

/**
 * What every limits store has to hold, as cases for any test runner. Each throws what `node:assert` throws.
 *
 * @example
 * for (const { name, run } of limitsContract({ name: 'mine', create })) it(name, run)
 */
export function limitsContract({ name, create }: LimitsContractOptions): readonly ContractCase[] {
  return Object.entries(limitsCases).map(([title, run]) => ({
    name: `${name}: limits: ${title}`,
    async run() {
      const { limits, destroy } = await create()
      try {
        await run(new LimitsBench(limits))
      } finally {
        await destroy()
      }
    },
  }))
}
