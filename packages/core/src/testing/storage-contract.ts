import type { Cases, ContractCase, StorageUnderTest } from './contract/bench.ts'
import { Bench } from './contract/bench.ts'
import { documentCases } from './contract/document-cases.ts'
import { journalCases } from './contract/journal-cases.ts'
import { trailCases } from './contract/trail-cases.ts'
import { usageCases } from './contract/usage-cases.ts'
import { limitsContract } from './limits-contract.ts'

export type { ContractCase, StorageUnderTest } from './contract/bench.ts'

export interface StorageContractOptions {
  /** Stands before the name of every case. */
  readonly name: string
  /** An empty storage for one case; the case opens it. */
  create(): Promise<StorageUnderTest>
}

const GROUPS: Readonly<Record<string, Cases>> = {
  journal: journalCases,
  documents: documentCases,
  usage: usageCases,
  trail: trailCases,
}

/**
 * What every storage has to hold, and its limits store where it has one, as cases for any test runner. Each runs on a
 * storage of its own and throws what `node:assert` throws.
 *
 * @example
 * for (const { name, run } of storageContract({ name: 'mine', create })) it(name, run)
 */
export function storageContract({ name, create }: StorageContractOptions): readonly ContractCase[] {
  const cases = Object.entries(GROUPS).flatMap(([group, cases]) =>
    Object.entries(cases).map(([title, run]) => ({
      name: `${name}: ${group}: ${title}`,
      async run() {
        const bench = new Bench(await create())
        try {
          await bench.open()
          await run(bench)
        } finally {
          await bench.destroy()
        }
      },
    })),
  )
  return [...cases, { name: `${name}: limits: hold the limits contract`, run: async () => holdLimits(await create()) }]
}

/** The limits port stands apart from the records, which need not be open. */
async function holdLimits({ storage: { limits }, destroy }: StorageUnderTest): Promise<void> {
  try {
    if (!limits) return
    const one = { limits, destroy: async () => undefined }
    for (const { name, run } of limitsContract({ name: limits.name, create: async () => one })) {
      await run().catch((cause: unknown) => {
        throw new Error(`${name}: ${String(cause)}`, { cause })
      })
    }
    await limits.close()
  } finally {
    await destroy()
  }
}
