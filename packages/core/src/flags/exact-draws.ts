import type { FlagDefinition } from '../catalog/definitions.ts'
import type { CompileOptions } from './compile-flags.ts'
import { compileFlags } from './compile-flags.ts'
import type { Among, RankBounds } from './share.ts'

/** So many tenants that a rule takes exactly, by their rank. */
export interface ExactDraw {
  readonly seed: string
  readonly count: number
  /** All tenants where it is absent. */
  readonly among?: Among | undefined
}

/** What compiling these asks `bounds` for. */
export function exactDraws(
  definitions: Readonly<Record<string, FlagDefinition>>,
  options: Omit<CompileOptions, 'bounds'> = {},
): readonly ExactDraw[] {
  const draws: ExactDraw[] = []
  const exact = Object.entries(definitions).filter(([, { rules = [] }]) =>
    rules.some(({ rollout }) => rollout && 'exactly' in rollout),
  )
  const bounds: RankBounds = (seed, count, among) => {
    draws.push({ seed, count, among })
    return undefined
  }
  compileFlags(Object.fromEntries(exact), { ...options, bounds })
  return draws
}
