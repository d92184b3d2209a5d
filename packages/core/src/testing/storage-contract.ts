import type { Cases, ContractCase, StorageUnderTest } from './contract/bench.ts'
import { Bench } from './contract/bench.ts'
import { documentCases } from './contract/document-cases.ts'
import { journalCases } from './contract/journal-cases.ts'
import { limitsCases } from './contract/limits-cases.ts'
import { trailCases } from './contract/trail-cases.ts'
import { usageCases } from './contract/usage-cases.ts'

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
  limits: limitsCases,
}

/**
 * What every storage has to hold, as cases for any test runner. Each runs on a storage of its own and throws what
 * `node:assert` throws.
 *
 * @example
 * for (const { name, run } of storageContract({ name: 'mine', create })) it(name, run)
 */
export function storageContract({ name, create }: StorageContractOptions): readonly ContractCase[] {
  return Object.entries(GROUPS).flatMap(([group, cases]) =>
    Object.entries(cases).map(([title, run]) => ({
      name: `${name}: ${group}: ${title}`,
      async run() {
        const bench = new Bench(await create())
        try {
          // The limits port stands apart from the records.
          if (cases !== limitsCases) await bench.open()
          await run(bench)
        } finally {
          await bench.destroy()
        }
      },
    })),
  )
}
