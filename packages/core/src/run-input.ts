import { normaliseActor } from './actor.ts'
import { describe } from './catalog/problems.ts'
import { ThroughlineError } from './errors.ts'
import type { Actor, ActorInput } from './vocabulary.ts'

/** In whose name code runs that serves no request. */
export interface RunInput {
  readonly tenant: string
  readonly actor: ActorInput
  /** Allows to act for another tenant than the one whose context is open. */
  readonly switch?: boolean
}

/** How runs are called, for the errors of those that are called otherwise. */
const RIGHT_CALLS = {
  run: "throughline.run({ tenant: 'acme', actor: { id: 'nightly', type: 'service' } }, fn)",
  enter: "enter(throughline, request, { tenant: 'acme', actor: { id: 'github', type: 'service' } }, fn)",
  resume: 'throughline.resume(captured, fn)',
  fromEnvelope: 'throughline.fromEnvelope(JSON.parse(message), (payload) => …)',
  'platform.run': "platform.run({ actor: { id: 'olga' }, reason: 'TICKET-7' }, fn)",
} as const

export function checkInput(call: 'run' | 'enter', input: unknown): void {
  if (typeof input !== 'object' || input === null) throw miscalled(call, 'it needs { tenant, actor }.')
  const { tenant } = input as Partial<RunInput>
  // What a webhook's body names is the sender's, and then no tenant that there is.
  if (call === 'enter' || typeof tenant === 'string') return
  throw miscalled(call, `the tenant must be an id, a text, not ${describe(tenant)}.`)
}

export function checkFunction(call: keyof typeof RIGHT_CALLS, fn: unknown): void {
  if (typeof fn !== 'function') throw miscalled(call, `the function to run is missing: it is ${typeof fn}.`)
}

function miscalled(call: keyof typeof RIGHT_CALLS, problem: string): ThroughlineError {
  return new ThroughlineError('OPTIONS_INVALID', {
    message: `${call}: ${problem} It is called as ${RIGHT_CALLS[call]}.`,
    details: { problems: [problem] },
  })
}

/** @throws ThroughlineError `ACTOR_REQUIRED` */
export function actorOf(input: RunInput): Actor {
  const actor = normaliseActor(input.actor)
  if (!actor) throw new ThroughlineError('ACTOR_REQUIRED')
  return actor
}
