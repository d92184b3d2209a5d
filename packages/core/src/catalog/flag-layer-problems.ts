import type { FlagSurroundings } from './flag-surroundings.ts'
import { isObject, join, type Problems } from './problems.ts'

type Flags = Readonly<Record<string, unknown>>

const NONE: Flags = {}

interface Slice {
  readonly rule: number
  readonly layer: string
  readonly by: unknown
}

/** Reports slices that are drawn by another unit than the layer's others: only those of one unit keep clear of each other. */
export function checkLayerUnits(
  problems: Problems,
  path: string,
  definition: unknown,
  { flags = NONE, key }: FlagSurroundings,
): void {
  const slices = slicesOf(definition)
  if (slices.length === 0) return
  const layers = layersOf(flags)
  const units = new Map<string, unknown>()
  for (const { rule, layer, by } of slices) {
    const unit = units.get(layer) ?? layers.get(layer)?.find((beside) => beside.flag !== key)?.by ?? by
    units.set(layer, unit)
    if (by === unit) continue
    problems.add(
      join(path, `rules.${rule}.layer.by`),
      `must be "${String(unit)}", as in the other slices of the layer "${layer}".`,
    )
  }
}

/** Read once for all flags of a catalog. */
const known = new WeakMap<Flags, ReturnType<typeof layersOf>>()

/** The units of each layer's slices, flag by flag. */
function layersOf(flags: Flags): ReadonlyMap<string, readonly { readonly flag: string; readonly by: unknown }[]> {
  const before = known.get(flags)
  if (before) return before
  const layers = new Map<string, { flag: string; by: unknown }[]>()
  for (const [flag, definition] of Object.entries(flags)) {
    for (const { layer, by } of slicesOf(definition)) {
      const slices = layers.get(layer)
      if (slices) slices.push({ flag, by })
      else layers.set(layer, [{ flag, by }])
    }
  }
  known.set(flags, layers)
  return layers
}

function slicesOf(definition: unknown): readonly Slice[] {
  const rules: readonly unknown[] = isObject(definition) && Array.isArray(definition.rules) ? definition.rules : []
  return rules.flatMap((rule, i) => {
    const layer = isObject(rule) && isObject(rule.layer) ? rule.layer : undefined
    return typeof layer?.name === 'string' ? [{ rule: i, layer: layer.name, by: layer.by ?? 'tenant' }] : []
  })
}
