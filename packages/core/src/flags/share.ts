import { bucketsIn } from '../catalog/buckets.ts'
import type { ExactRollout, FlagLayer, FlagUnit, PercentRollout } from '../catalog/definitions.ts'
import type { Tenant } from '../vocabulary.ts'
import type { FlagSubject } from './attribute.ts'
import { Draw } from './draw.ts'
import type { FlagCheck } from './explanation.ts'
import type { RankBound } from './rank-bound.ts'
import { isWithin } from './rank-bound.ts'

/** Those of all tenants that so many are chosen from. */
export interface Among {
  /** One and the same for the same tenants. */
  readonly key: string
  has(tenant: Tenant): boolean
}

/**
 * Looks up how far a rank may go for so many tenants to be in; `undefined` while they are not counted.
 *
 * @param among all tenants unless given
 */
export type RankBounds = (seed: string, count: number, among?: Among) => RankBound | undefined

/** A part of all tenants or actors, drawn. */
export interface Share {
  readonly path: 'layer' | 'rollout'
  readonly by: FlagUnit
  holds(id: string): boolean
  check(id: string): FlagCheck
}

/** Who is drawn: the tenant with all its actors, or the actor by itself. */
export function unitId(by: FlagUnit, subject: FlagSubject): string {
  return by === 'actor' ? subject.actor.id : subject.tenant.id
}

/** @param among those that `exactly` so many are chosen from */
export function rolloutShare(
  rollout: PercentRollout | ExactRollout,
  seed: string,
  bounds: RankBounds,
  among: Among | undefined,
): Share {
  const own = rollout.seed ?? seed
  if ('exactly' in rollout) return exactShare(own, rollout.exactly, bounds, among)
  return bucketShare('rollout', own, rollout.by ?? 'tenant', 0, bucketsIn(rollout.percent))
}

export function layerShare({ name, from, to, by = 'tenant' }: FlagLayer): Share {
  return bucketShare('layer', `layer:${name}`, by, bucketsIn(from), bucketsIn(to))
}

function bucketShare(path: Share['path'], seed: string, by: FlagUnit, from: number, threshold: number): Share {
  const draw = new Draw(seed)
  return {
    path,
    by,
    holds(id) {
      const bucket = draw.bucket(id)
      return bucket >= from && bucket < threshold
    },
    check(id) {
      const bucket = draw.bucket(id)
      const holds = bucket >= from && bucket < threshold
      return { path, holds, bucket, ...(from > 0 && { from }), threshold }
    },
  }
}

function exactShare(seed: string, count: number, bounds: RankBounds, among: Among | undefined): Share {
  const draw = new Draw(seed)
  const bound = count > 0 ? bounds(seed, count, among) : undefined
  const holds = (id: string): boolean => bound !== undefined && isWithin(bound, draw.rank(id), id)
  return {
    path: 'rollout',
    by: 'tenant',
    holds,
    check: (id) => ({
      path: 'rollout',
      holds: holds(id),
      bucket: draw.rank(id),
      ...(bound && { threshold: bound.rank }),
    }),
  }
}
