import type { FlagSubject } from './attribute.ts'
import type { FlagStep } from './explanation.ts'
import type { FlagsView } from './flags-view.ts'

/** How a flag of a view is decided: a test, switch, override, plan, then what the flag itself says. */
export function explainFlag(view: FlagsView, key: string, subject: FlagSubject): readonly FlagStep[] {
  const flag = view.flags.get(key)
  if (!flag) return []
  const forced = view.forced.get(key)?.evaluation
  if (forced?.rule === 'test') return [{ step: 'test', decided: true, value: forced.value }]
  if (!flag.enabled) return [{ step: 'switch', decided: true, enabled: false }]
  const steps: FlagStep[] = [{ step: 'switch', decided: false, enabled: true }]
  const isOverride = forced?.rule === 'override'
  steps.push({ step: 'override', decided: isOverride, ...(isOverride && { value: forced.value }) })
  if (isOverride) return steps
  steps.push({ step: 'plan', decided: forced !== undefined, ...(forced && { value: forced.value }) })
  if (forced) return steps
  return [...steps, ...flag.explain(subject, view.decided)]
}
