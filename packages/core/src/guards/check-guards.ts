import { currentScope } from '../context/ambient.ts'
import type { Scope } from '../context/scope.ts'
import type { MaybePromise } from '../storage/limits.ts'
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
  const into = holds ?? scope.holds
  if (scope.owner.now() - scope.seenAt > CHECKPOINT_MS) {
    return scope.owner.reload(scope).then(() => check(guards, scope, into))
  }
  return check(guards, scope, into)
}

function check(guards: readonly Guard[], scope: Scope, holds: GuardHold[]): MaybePromise<void> {
  const { telemetry } = scope.owner
  if (!telemetry.tracing) return checkFrom(guards, 0, scope, holds, holds.length)
  return telemetry.guards(guards, scope.tenant, () => checkFrom(guards, 0, scope, holds, holds.length))
}

/** @param from the first of the holds that these guards have taken */
function checkFrom(
  guards: readonly Guard[],
  start: number,
  scope: Scope,
  holds: GuardHold[],
  from: number,
): MaybePromise<void> {
  for (let i = start; i < guards.length; i++) {
    let checked: MaybePromise<GuardHold | undefined>
    try {
      checked = (guards[i] as Guard).check(scope)
    } catch (error) {
      if (holds.length === from) throw error
      return refused(holds, from, error)
    }
    if (checked instanceof Promise) {
      return checked.then(
        (hold) => {
          if (hold) holds.push(hold)
          return checkFrom(guards, i + 1, scope, holds, from)
        },
        (error: unknown) => refused(holds, from, error),
      )
    }
    if (checked) holds.push(checked)
  }
  const { decisions } = scope.owner.telemetry
  if (decisions) for (const { name } of guards) decisions.passed(name)
}

/** Gives back at once what the guards before the one that refused have taken: the call does not happen. */
async function refused(holds: GuardHold[], from: number, error: unknown): Promise<never> {
  for (const hold of holds.splice(from)) {
    await (hold.refused ? hold.refused() : hold.release())
  }
  throw error
}
