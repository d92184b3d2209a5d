import { didYouMean } from '../did-you-mean.ts'
import { ThroughlineError } from '../errors.ts'
import type { CompiledFlag } from '../flags/compiled-flag.ts'
import type { FlagEvaluation } from '../flags/evaluation.ts'
import { FlagDecision } from '../flags/evaluation.ts'
import type { FlagsView } from '../flags/flags-view.ts'

/** A test's own decision: it is known to be current, whatever the definitions are. */
class PinnedDecision extends FlagDecision {
  override get stale(): FlagDecision {
    return this
  }
}

/** Values that a test gives to flags: a boolean, or the name of a variant. */
export class FlagPins {
  readonly #values: readonly (readonly [key: string, value: unknown])[]
  readonly #around: FlagPins | undefined
  /** What was decided under these values is decided apart from everybody else. */
  readonly #views = new WeakMap<FlagsView, FlagsView>()
  #ended = false

  /** @param around those of the `withFlags` around, which hold where these say nothing */
  constructor(values: Readonly<Record<string, unknown>>, around: FlagPins | undefined) {
    this.#values = Object.entries(values).filter(([, value]) => value !== undefined)
    this.#around = around
  }

  /** Whatever goes on without being waited for sees them no more. */
  end(): void {
    this.#ended = true
  }

  /**
   * A tenant's flags with these values.
   *
   * @throws ThroughlineError `FLAG_UNKNOWN`, `OPTIONS_INVALID` for a value that the flag can't have
   */
  in(view: FlagsView): FlagsView {
    const under = this.#around?.in(view) ?? view
    if (this.#ended) return under
    let made = this.#views.get(under)
    if (!made) {
      const pins = this.#values.map(([key, value]) => [key, decision(under, key, value)] as const)
      const forced = new Map([...under.forced, ...pins])
      made = { ...under, forced, decided: new Map(forced) }
      this.#views.set(under, made)
    }
    return made
  }
}

function decision({ flags }: FlagsView, key: string, value: unknown): FlagDecision {
  const flag = flags.get(key)
  if (!flag) {
    const message = `withFlags: no flag has the key "${key}".${didYouMean(key, [...flags.keys()])}`
    throw new ThroughlineError('FLAG_UNKNOWN', { message })
  }
  const evaluation = chosen(flag, value)
  if (evaluation) return new PinnedDecision(key, { ...evaluation, reason: 'STATIC', rule: 'test' })
  const can = flag.accepts(true) ? 'true or false' : 'the name of one of its variants'
  const off = flag.enabled ? '' : ' It is switched off, and serves its default alone.'
  throw new ThroughlineError('OPTIONS_INVALID', {
    message: `withFlags: the flag "${key}" takes ${can}, not ${JSON.stringify(value) ?? typeof value}.${off}`,
    remedy: 'Give the flag a value that it can have.',
  })
}

function chosen(flag: CompiledFlag, value: unknown): Omit<FlagEvaluation, 'reason' | 'rule'> | undefined {
  if (typeof value !== 'boolean' && typeof value !== 'string') return undefined
  const forced = flag.forced(value, 'test')
  if (forced) return forced.evaluation
  // A boolean flag that is switched off: a test may still see what comes when it is on.
  return typeof value === 'boolean' && flag.accepts(value) ? { value, variant: value ? 'on' : 'off' } : undefined
}
