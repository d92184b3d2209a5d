import { describe } from '../catalog/problems.ts'
import { currentScope } from '../context/ambient.ts'
import { decideHolds, giveBack } from '../context/holds.ts'
import type { Scope } from '../context/scope.ts'
import { ThroughlineError } from '../errors.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import { isPromise } from '../maybe-promise.ts'
import type { Guard, GuardHold } from './guard.ts'

/** A context older than this looks again before a guard decides: suspensions, kill switches, removed members. */
const CHECKPOINT_MS = 2_000

/**
 * Runs guards in order in the current context; synchronous as long as each of them is. What they reserve is added to
 * `holds`.
 *
 * @throws ThroughlineError `TENANT_REQUIRED` outside a tenant context, or the first guard's refusal
 */
export function checkGuards(guards: readonly Guard[], holds?: GuardHold[]): MaybePromise<void> {
  const scope = currentScope()
  if (scope.owner.now() - scope.seenAt > CHECKPOINT_MS) {
    return scope.owner.reload(scope).then(() => check(guards, scope, holds))
  }
  return check(guards, scope, holds)
}

function check(guards: readonly Guard[], scope: Scope, into: GuardHold[] | undefined): MaybePromise<void> {
  const { telemetry } = scope.owner
  if (!telemetry.tracing) return checkFrom(guards, 0, scope, [], into)
  return telemetry.guards(guards, scope.tenant, () => checkFrom(guards, 0, scope, [], into))
}

/** @param taken by these guards alone: others may be checked in the same context meanwhile */
function checkFrom(
  guards: readonly Guard[],
  start: number,
  scope: Scope,
  taken: GuardHold[],
  into: GuardHold[] | undefined,
): MaybePromise<void> {
  for (let i = start; i < guards.length; i++) {
    let checked: MaybePromise<GuardHold | undefined>
    try {
      checked = (guards[i] as Guard).check(scope)
    } catch (error) {
      if (taken.length === 0) throw error
      return refused(taken, scope, error)
    }
    if (isPromise(checked)) {
      return Promise.resolve(checked)
        .then((hold) => take(guards[i] as Guard, hold, taken))
        .then(
          () => checkFrom(guards, i + 1, scope, taken, into),
          (error: unknown) => refused(taken, scope, error),
        )
    }
    if (checked === undefined) continue
    try {
      take(guards[i] as Guard, checked, taken)
    } catch (error) {
      return refused(taken, scope, error)
    }
  }
  const { decisions } = scope.owner.telemetry
  if (decisions) for (const { name } of guards) decisions.passed(name)
  if (taken.length === 0) return undefined
  if (!into) return scope.holds.add(taken)
  into.push(...taken)
  return undefined
}

/**
 * Keeps what a guard has reserved.
 *
 * @throws ThroughlineError `OPTIONS_INVALID` for anything else: a guard that answers false must not let a call pass
 */
function take({ name }: Guard, hold: GuardHold | undefined, taken: GuardHold[]): void {
  if (hold === undefined) return
  if (typeof hold === 'object' && typeof hold?.keep === 'function' && typeof hold.release === 'function') {
    taken.push(hold)
    return
  }
  const problem = `The guard "${name}" answered ${describe(hold)}; it answers nothing, or { keep, release }.`
  const remedy = 'A guard that does not let a call pass throws.'
  throw new ThroughlineError('OPTIONS_INVALID', { message: problem, remedy, details: { problems: [problem] } })
}

/** Gives back at once what the guards before the one that refused have taken: the call does not happen. */
async function refused(taken: readonly GuardHold[], { owner }: Scope, error: unknown): Promise<never> {
  await giveBack(() => decideHolds(taken, 'untried'), owner)
  throw error
}
