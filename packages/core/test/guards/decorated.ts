import type { Guard, guarded } from '../../src/index.ts'

/** A class as an application would write it; compiled in both decorator dialects by the test beside it. */
export function reportsOf(guardedBy: typeof guarded, first: Guard, second: Guard): ReportsClass {
  class Reports {
    static readonly all: string[] = []
    readonly #owner: string

    constructor(owner: string) {
      this.#owner = owner
    }

    @guardedBy(first, second)
    async create(title: string, copies = 1): Promise<string> {
      Reports.all.push(title)
      return `${this.#owner}:${title}:${copies}`
    }

    @guardedBy(first)
    async fail(): Promise<never> {
      throw new RangeError('no paper')
    }

    @guardedBy(second)
    static async count(): Promise<number> {
      return Reports.all.length
    }

    // @ts-expect-error A method that returns no promise can not wait for its guards.
    @guardedBy(first)
    size(): number {
      return Reports.all.length
    }
  }
  return Reports
}

export interface ReportsClass {
  new (owner: string): { create(title: string, copies?: number): Promise<string>; fail(): Promise<never> }
  count(): Promise<number>
}
