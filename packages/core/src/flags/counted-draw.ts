import type { Tenant } from '../vocabulary.ts'
import type { ExactDraw } from './exact-draws.ts'
import { Pauses } from './pauses.ts'
import type { RankBound } from './rank-bound.ts'
import { RankCounter } from './rank-bound.ts'

/**
 * Every tenant; `undefined` where they can't be listed.
 *
 * @param whole with all that rules read of them; else their ids are enough
 */
export type TenantsToCount = (whole: boolean) => AsyncIterable<Tenant | Pick<Tenant, 'id'>> | undefined

/** A draw, and how far it goes. */
export interface CountedDraw extends ExactDraw {
  /** `undefined`: there are no tenants. */
  readonly bound: RankBound | undefined
  /** Of those who are in. */
  readonly ranks: Uint32Array
}

/** The bounds of some draws, by one reading of the tenants. */
export async function countDraws(
  draws: readonly ExactDraw[],
  tenants: TenantsToCount,
): Promise<ReadonlyMap<string, CountedDraw>> {
  const counting = new Map(
    draws.map((draw) => [drawKey(draw), { draw, counter: new RankCounter(draw.seed, draw.count) }]),
  )
  const listed = draws.length > 0 ? tenants(draws.some(({ among }) => among)) : undefined
  if (listed) {
    const pauses = new Pauses()
    for await (const tenant of listed) {
      for (const { draw, counter } of counting.values()) {
        // Whole, as soon as one draw chooses among them.
        if (!draw.among || draw.among.has(tenant as Tenant)) counter.add(tenant.id)
      }
      if (pauses.isDue) await pauses.pause()
    }
  }
  return new Map(
    [...counting].map(([key, { draw, counter }]) => [key, { ...draw, bound: counter.bound, ranks: counter.ranks }]),
  )
}

/** One and the same for the same draw. */
export function drawKey({ seed, count, among }: ExactDraw): string {
  return JSON.stringify([count, seed, among?.key])
}
