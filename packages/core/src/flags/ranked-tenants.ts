import type { FlagDefinition } from '../catalog/definitions.ts'
import { inTime } from '../in-time.ts'
import type { CompileOptions } from './compile-flags.ts'
import type { CountedDraw, TenantsToCount } from './counted-draw.ts'
import { countDraws, drawKey } from './counted-draw.ts'
import type { ExactDraw } from './exact-draws.ts'
import { exactDraws } from './exact-draws.ts'
import type { RankBound } from './rank-bound.ts'
import { firstOf } from './rank-bound.ts'
import type { Among } from './share.ts'

/** Tenants are counted anew this often: who came or went moves the bounds. */
const COUNT_MS = 60_000
/** Where somebody is not in for want of a count, it is tried again this soon. */
const RETRY_MS = 5_000
/** An instance that starts waits so long for the first count; it goes on, but nobody is in before it is done. */
const START_MS = 10_000
/** Bounds that are kept for previews. */
const MAX_LOOKED_AT = 1_000

interface LookedAt {
  readonly bound: RankBound | undefined
  /** ms */
  readonly at: number
}

export interface RankedTenantsOptions {
  readonly tenants: TenantsToCount
  /** What the conditions of rules are compiled with. */
  readonly conditions?: Pick<CompileOptions, 'segments' | 'now'>
  /** The bounds are others than they were: what was compiled with them is old. */
  onChange(): void
  onFailure(error: unknown): void
}

/**
 * Knows how far `exactly` reaches: counts all tenants at the start, when another number is asked for, and every minute;
 * never while a flag is evaluated. Until they are counted, and while they can't be, nobody new is in: who is in stays in
 * for a greater number, and of them the first for a lesser one.
 */
export class RankedTenants {
  readonly #options: RankedTenantsOptions
  readonly #wanted = new Map<string, ExactDraw>()
  #counted: ReadonlyMap<string, CountedDraw> = new Map()
  /** What previews asked for, the latest last: several may look at once. */
  readonly #lookedAt = new Map<string, LookedAt>()
  #version = 0
  #timer: NodeJS.Timeout | undefined
  #counting: Promise<void> | undefined
  #closed = false

  constructor(options: RankedTenantsOptions) {
    this.#options = options
  }

  /** Another one for other bounds. */
  get version(): number {
    return this.#version
  }

  /** The last who is in; one that is not known yet is counted soon. */
  readonly bound = (seed: string, count: number, among?: Among): RankBound | undefined => {
    const draw = { seed, count, among }
    const key = drawKey(draw)
    this.#wanted.set(key, draw)
    const counted = this.#counted.get(key)
    if (counted) return counted.bound
    this.#schedule(0)
    return this.#lookedAtLately(key) ?? this.#meanwhile(draw)
  }

  /** The same, of what is known; counts nothing. */
  readonly known = (seed: string, count: number, among?: Among): RankBound | undefined => {
    const key = drawKey({ seed, count, among })
    return this.#counted.get(key)?.bound ?? this.#lookedAt.get(key)?.bound
  }

  /** Counts what `known` is asked for next, so that it can be looked at what nobody uses yet. */
  async prepare(definitions: Readonly<Record<string, FlagDefinition>>): Promise<void> {
    const draws = exactDraws(definitions, this.#options.conditions)
    const unknown = draws.filter((draw) => !this.#counted.has(drawKey(draw)))
    if (unknown.length === 0) return
    const found = await countDraws(unknown, this.#options.tenants)
    const looked = this.#lookedAt
    for (const [key, { bound }] of found) {
      looked.delete(key)
      looked.set(key, { bound, at: this.#now })
    }
    for (const key of looked.keys()) {
      if (looked.size <= Math.max(MAX_LOOKED_AT, found.size)) break
      looked.delete(key)
    }
  }

  /** What is compiled from now on says anew what it asks for. */
  forget(): void {
    this.#wanted.clear()
  }

  /** Counts for the definitions that an instance starts with. */
  async start(definitions: Readonly<Record<string, FlagDefinition>>): Promise<void> {
    for (const draw of exactDraws(definitions, this.#options.conditions)) this.#wanted.set(drawKey(draw), draw)
    if (this.#wanted.size === 0) return
    await inTime(START_MS, 'The list of all tenants, which "exactly" counts,', this.count()).catch(
      this.#options.onFailure,
    )
  }

  close(): void {
    this.#closed = true
    clearTimeout(this.#timer)
  }

  /** Reads all tenants once, and answers when the bounds are known. */
  async count(): Promise<void> {
    this.#counting ??= this.#countAll()
      .catch(this.#options.onFailure)
      .finally(() => {
        this.#counting = undefined
        this.#schedule(this.#isBehind ? RETRY_MS : COUNT_MS)
      })
    await this.#counting
  }

  async #countAll(): Promise<void> {
    const counted = await countDraws([...this.#wanted.values()], this.#options.tenants)
    if (this.#closed) return
    const before = this.#counted
    this.#counted = counted
    const changed = [...counted].some(
      ([key, { bound }]) => !before.has(key) || before.get(key)?.bound?.id !== bound?.id,
    )
    if (changed) {
      this.#version++
      this.#options.onChange()
    }
    // What was asked for in the meantime.
    if (this.#isBehind) await this.#countAll()
  }

  /** Something is asked for that was not counted yet. */
  get #isBehind(): boolean {
    return [...this.#wanted.keys()].some((key) => !this.#counted.has(key))
  }

  get #now(): number {
    return this.#options.conditions?.now?.() ?? 0
  }

  /** What was looked at longer ago than all is counted: by now it may let in many more. */
  #lookedAtLately(key: string): RankBound | undefined {
    const looked = this.#lookedAt.get(key)
    return looked && Math.abs(this.#now - looked.at) <= COUNT_MS ? looked.bound : undefined
  }

  /** What another number of the same draw tells of one that is not counted yet. */
  #meanwhile({ seed, count, among }: ExactDraw): RankBound | undefined {
    let fewer: CountedDraw | undefined
    let more: CountedDraw | undefined
    for (const counted of this.#counted.values()) {
      if (counted.seed !== seed || counted.among?.key !== among?.key) continue
      if (counted.count < count) {
        if (!fewer || counted.count > fewer.count) fewer = counted
      } else if (!more || counted.count < more.count) more = counted
    }
    return more ? firstOf(more.ranks, count) : fewer?.bound
  }

  #schedule(delay: number): void {
    if (this.#closed) return
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.count(), delay)
    this.#timer.unref()
  }
}
