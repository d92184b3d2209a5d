import type { Attributes, Counter } from '@opentelemetry/api'
import type { EventTemplate } from '../event.ts'
import type { JournalEvent } from '../storage/journal-record.ts'
import type { DecisionCounter, DecisionLayer } from '../telemetry-port.ts'
import type { Json } from '../vocabulary.ts'

type DecisionOutcome = 'allowed' | 'evaluated' | 'refused' | 'observed' | 'near' | 'shed'

interface Decision {
  readonly layer: DecisionLayer
  readonly outcome: DecisionOutcome
  readonly name: string | undefined
  /** Of a limit: each policy is counted by itself. */
  readonly policies?: readonly string[] | undefined
  /** Of a limit, while its store does not answer: how it was decided in its place. */
  readonly degraded?: Json | undefined
}

type OneDecision = Omit<Decision, 'policies'> & { readonly policy?: string }

/** Label sets at the most; names past it, which only a catalog of that size has, are counted as `other`. */
const MAX_LABELS = 1_000
const LAYER_OF: Readonly<Record<string, DecisionLayer>> = {
  'flag.refused': 'flag',
  'limit.refused': 'limit',
  'quota.refused': 'quota',
  'plan.refused': 'plan',
}
const GUARD_LAYERS: ReadonlySet<string> = new Set(['flag', 'role', 'plan'])

/** Counts decisions in one counter; a label set is one object, made once. */
export class CountedDecisions implements DecisionCounter {
  readonly #counter: Pick<Counter, 'add'>
  readonly #known = new Map<string, Attributes>()
  /** Templates live as long as the snapshot that prepared them. */
  readonly #templates = new WeakMap<EventTemplate, readonly Attributes[]>()

  constructor(counter: Pick<Counter, 'add'>) {
    this.#counter = counter
  }

  allowed(layer: DecisionLayer, name?: string): void {
    this.#count({ layer, outcome: 'allowed', name })
  }

  folded(template: EventTemplate, count: number): void {
    let labels = this.#templates.get(template)
    if (labels === undefined) {
      const decision = foldedDecision(template)
      labels = decision ? this.#labelsOf(decision) : []
      this.#templates.set(template, labels)
    }
    for (const each of labels) this.#counter.add(count, each)
  }

  noted(event: JournalEvent): void {
    const decision = notedDecision(event)
    if (decision) this.#count(decision)
  }

  passed(guard: string): void {
    const colon = guard.indexOf(':')
    const layer = guard.slice(0, colon)
    // Limits and quotas are counted where they decide, whoever asks.
    if (GUARD_LAYERS.has(layer)) this.allowed(layer as DecisionLayer, guard.slice(colon + 1))
  }

  #count(decision: Decision): void {
    for (const labels of this.#labelsOf(decision)) this.#counter.add(1, labels)
  }

  #labelsOf({ policies, ...decision }: Decision): readonly Attributes[] {
    if (!policies) return [this.#labelSet(decision)]
    return policies.map((policy) => this.#labelSet({ ...decision, policy }))
  }

  #labelSet({ layer, outcome, name, policy, degraded }: OneDecision): Attributes {
    const key = [layer, outcome, name, policy, degraded].join('\n')
    const known = this.#known.get(key)
    if (known) return known
    if (this.#known.size >= MAX_LABELS && name !== 'other') return this.#labelSet({ layer, outcome, name: 'other' })
    const labels: Attributes = {
      layer,
      outcome,
      ...(name !== undefined && { name }),
      ...(policy !== undefined && { policy }),
      ...(typeof degraded === 'string' && { degraded }),
    }
    this.#known.set(key, labels)
    return labels
  }
}

function foldedDecision({ action, open, policies, provider }: EventTemplate): Decision | undefined {
  if (provider !== undefined || (action !== 'limit.passed' && action !== 'flag.evaluated')) return undefined
  const { targets, metadata } = JSON.parse(`${open}}`) as JournalEvent
  const name = targets?.[0]?.id
  return action === 'limit.passed'
    ? { layer: 'limit', outcome: 'allowed', name, policies, degraded: metadata?.degraded }
    : { layer: 'flag', outcome: 'evaluated', name }
}

/** What of the record is a decision of ours; refusals by the app itself (its own 401) and other events are none. */
function notedDecision({ action, outcome, targets, metadata }: JournalEvent): Decision | undefined {
  const target = targets?.[0]
  if (action === 'quota.reserved' || (action === 'usage.recorded' && metadata?.quotaPeriod !== undefined)) {
    return { layer: 'quota', outcome: 'allowed', name: target?.id }
  }
  if (action === 'limit.near') {
    return { layer: 'limit', outcome: 'near', name: target?.id, policies: [String(target?.id)] }
  }
  if (outcome !== 'refused') return undefined
  const decided: DecisionOutcome = metadata?.observed === true ? 'observed' : 'refused'
  const layer = Object.hasOwn(LAYER_OF, action) ? LAYER_OF[action] : undefined
  if (action === 'load.shed')
    return { layer: 'limit', outcome: decided === 'refused' ? 'shed' : decided, name: target?.id }
  if (layer === 'limit') {
    const refusedBy = metadata?.refusedBy as readonly string[] | undefined
    const policies = refusedBy ?? [String(target?.id)]
    return { layer, outcome: decided, name: target?.id, policies, degraded: metadata?.degraded }
  }
  if (layer) return { layer, outcome: decided, name: target?.id }
  const code = metadata?.code
  if ((action !== 'auth.refused' && action !== 'tenant.unknown') || typeof code !== 'string') return undefined
  if (target?.type === 'role') return { layer: 'role', outcome: decided, name: target.id }
  if (!/^[A-Z_]+$/.test(code)) return undefined
  return { layer: metadata?.reason === 'NOT_MEMBER' ? 'membership' : 'resolution', outcome: decided, name: code }
}
