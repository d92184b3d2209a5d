import { benchEngines } from './engines.ts'
import { benchOpenFeature } from './openfeature.ts'
import { benchOverrides } from './overrides.ts'

/**
 * Flags side by side with their peers, interleaved in one run, by CPU time. `hit` and `miss`: the fastest peer's time
 * over ours. `overrides`: with 100,000 of them over with none; `openfeature`: our provider over the SDK's own.
 */
export async function benchFlags(): Promise<void> {
  const engines = await benchEngines()
  const overrides = await benchOverrides()
  const openfeature = await benchOpenFeature()
  const ratios = { ...engines, overrides, openfeature }
  const rounded = Object.fromEntries(Object.entries(ratios).map(([name, ratio]) => [name, Number(ratio.toFixed(3))]))
  console.log(JSON.stringify({ bench: 'flags', ratios: rounded }))
}
