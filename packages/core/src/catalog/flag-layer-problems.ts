import type { FlagSurroundings } from './flag-problems.ts'
import { isObject, join, type Problems } from './problems.ts'

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
  { flags = {}, key }: FlagSurroundings,
): void {
  const slices = slicesOf(definition)
  if (slices.length === 0) return
  const units = new Map<string, unknown>()
  for (const [other, beside] of Object.entries(flags)) {
    if (other !== key) for (const { layer, by } of slicesOf(beside)) units.set(layer, by)
  }
  for (const { rule, layer, by } of slices) {
    const unit = units.get(layer) ?? by
    units.set(layer, unit)
    if (by === unit) continue
    problems.add(
      join(path, `rules.${rule}.layer.by`),
      `must be "${String(unit)}", as in the other slices of the layer "${layer}".`,
    )
  }
}

function slicesOf(definition: unknown): readonly Slice[] {
  const rules: readonly unknown[] = isObject(definition) && Array.isArray(definition.rules) ? definition.rules : []
  return rules.flatMap((rule, i) => {
    const layer = isObject(rule) && isObject(rule.layer) ? rule.layer : undefined
    return typeof layer?.name === 'string' ? [{ rule: i, layer: layer.name, by: layer.by ?? 'tenant' }] : []
  })
}
