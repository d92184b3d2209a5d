import { describe } from '../catalog/problems.ts'
import { didYouMean } from '../did-you-mean.ts'
import { ThroughlineError } from '../errors.ts'

/**
 * How many units a guard takes: its one option, 1 unless said.
 *
 * @throws ThroughlineError `OPTIONS_INVALID` for another option, or no whole number above 0
 */
export function unitsOf(guard: string, option: string, options: object): number {
  if (typeof options !== 'object' || options === null) {
    refuseIfAny(guard, [`its options must be { ${option} }, not ${describe(options)}.`])
  }
  const problems = Object.keys(options)
    .filter((name) => name !== option)
    .map((name) => `there is no option "${name}".${didYouMean(name, [option])}`)
  const units: unknown = (options as Readonly<Record<string, unknown>>)[option] ?? 1
  if (!Number.isSafeInteger(units) || (units as number) < 1) {
    problems.push(`"${option}" is ${String(units)}; it must be a whole number above 0.`)
  }
  refuseIfAny(guard, problems)
  return units as number
}

/** @throws ThroughlineError `OPTIONS_INVALID` when there is no name, or one that is none. */
export function checkNames(guard: string, what: string, names: readonly unknown[]): void {
  const named = names.length > 0 && names.every((name) => typeof name === 'string' && name !== '')
  refuseIfAny(guard, named ? [] : [`it needs the name of a ${what}.`])
}

/** @throws ThroughlineError `OPTIONS_INVALID` when the catalog declares no such name. */
export function checkDeclared(
  guard: string,
  what: string,
  names: readonly string[],
  declared: readonly string[],
): void {
  const problems = names
    .filter((name) => !declared.includes(name))
    .map((name) => `the catalog has no ${what} "${name.slice(0, 100)}".${didYouMean(name.slice(0, 100), declared)}`)
  refuseIfAny(`guards.${guard}`, problems)
}

/** @throws ThroughlineError `OPTIONS_INVALID` for several units of a meter that counts: each call would be refused. */
export function checkCounted(meter: string, aggregate: 'count' | 'sum' | undefined, quantity = 1): void {
  if (aggregate !== 'count' || quantity === 1) return
  const problem = `"${meter}" counts calls, so "quantity" is 1 and not ${quantity}; declare aggregate: 'sum' to add up.`
  refuseIfAny('guards.meter', [problem])
}

function refuseIfAny(guard: string, problems: readonly string[]): void {
  if (problems.length === 0) return
  throw new ThroughlineError('OPTIONS_INVALID', { message: `${guard}: ${problems.join(' ')}`, details: { problems } })
}
