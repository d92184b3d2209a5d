import { ThroughlineError } from '../errors.ts'
import type { CapturedContext } from './captured.ts'
import { capture } from './captured.ts'

/** A message for the app's own queue with the context in which it was sent. It names, it does not prove, as a capture. */
export interface Envelope<T = unknown> {
  readonly v: 1
  readonly context: CapturedContext
  readonly payload: T
}

/**
 * Puts a message into an envelope with the open context; `throughline.fromEnvelope(message, fn)` opens it.
 *
 * @param payload anything that JSON can hold
 * @throws ThroughlineError `TENANT_REQUIRED` outside a tenant context, `ENVELOPE_INVALID` for what JSON can't hold
 *
 * @example await queue.add('export', envelope({ report: 7 }))
 */
export function envelope<T>(payload: T): Envelope<T> {
  const context = capture()
  if (!isJson(payload)) throw invalid('The payload is nothing that JSON can hold.')
  return { v: 1, context, payload }
}

/**
 * Checks the shape of what came from a queue; its context is checked when it is resumed.
 *
 * @throws ThroughlineError `ENVELOPE_INVALID`
 */
export function readEnvelope(message: unknown): Envelope<unknown> {
  if (typeof message === 'string') throw invalid('It is text: parse the JSON first.')
  if (typeof message !== 'object' || message === null) throw invalid(`It is ${kindOf(message)}, not an object.`)
  const found = message as Partial<Envelope>
  if (found.v !== 1) throw invalid('Its version ("v") is not 1: another release, or something else, has sent it.')
  if (!Object.hasOwn(found, 'context')) throw invalid('It has no "context".')
  if (!Object.hasOwn(found, 'payload')) throw invalid('It has no "payload".')
  return found as Envelope
}

function isJson(value: unknown): boolean {
  try {
    return JSON.stringify(value) !== undefined
  } catch {
    return false
  }
}

function kindOf(value: unknown): string {
  return value === null ? 'null' : typeof value
}

function invalid(problem: string): ThroughlineError {
  return new ThroughlineError('ENVELOPE_INVALID', { message: problem })
}
