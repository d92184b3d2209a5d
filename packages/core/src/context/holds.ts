import type { MaybePromise } from '../storage/limits.ts'

/** Something reserved until the outcome is known. */
export interface ScopeHold {
  /** It succeeded. */
  keep(): MaybePromise<void>
  /** It failed, or a later guard refused. */
  release(): MaybePromise<void>
  /** A later guard beside it refused, so that nothing was tried; as `release` unless given. */
  refused?(): MaybePromise<void>
}

const NONE: readonly ScopeHold[] = []

/** What is reserved for one context until it is known how that ended; what comes later is decided then and there. */
export class Holds {
  #waiting: readonly ScopeHold[] = NONE
  #success: boolean | undefined

  /** A call whose client has gone meanwhile, say, must not hold for ever what it then gets. */
  add(holds: readonly ScopeHold[]): MaybePromise<void> {
    if (this.#success !== undefined) return decideHolds(holds, this.#success)
    this.#waiting = this.#waiting === NONE ? holds : [...this.#waiting, ...holds]
    return undefined
  }

  decide(success: boolean): MaybePromise<void> {
    const waiting = this.#waiting
    this.#waiting = NONE
    this.#success = success
    return decideHolds(waiting, success)
  }
}

/**
 * Decides what was reserved: by whether the call succeeded, or as `untried`, where it did not happen. Every hold is
 * decided, whatever another one's decision throws.
 */
export function decideHolds(holds: readonly ScopeHold[], outcome: boolean | 'untried'): MaybePromise<void> {
  let pending: Promise<void>[] | undefined
  for (const hold of holds) {
    const decided = decide(hold, outcome)
    if (decided instanceof Promise) {
      pending ??= []
      pending.push(decided)
    }
  }
  if (!pending) return undefined
  return Promise.allSettled(pending).then((results) => {
    const failed = results.find((result) => result.status === 'rejected')
    if (failed) throw failed.reason
  })
}

/** Gives back what was reserved for a call that failed. What can't be given back must not hide why it did. */
export async function giveBack(
  giving: () => MaybePromise<void>,
  { onFailure }: { readonly onFailure: (error: unknown) => void },
): Promise<void> {
  try {
    await giving()
  } catch (error) {
    onFailure(error)
  }
}

function decide(hold: ScopeHold, outcome: boolean | 'untried'): MaybePromise<void> {
  try {
    if (outcome === 'untried' && hold.refused) return hold.refused()
    return outcome === true ? hold.keep() : hold.release()
  } catch (error) {
    return Promise.reject(error)
  }
}
