import type { ServerResponse } from 'node:http'
import { Holds } from '../context/holds.ts'
import type { Scope } from '../context/scope.ts'
import { ThroughlineError } from '../errors.ts'
import type { Activity } from '../journal/activity.ts'
import type { MaybePromise } from '../maybe-promise.ts'
import type { RequestAnswer } from '../request-answer.ts'
import type { TraceParent } from '../telemetry-port.ts'
import type { Exchange, OpenExchange } from './exchange.ts'
import { inboundTraceId, openExchangeOf, requestInfo, setOpenExchange } from './exchange.ts'
import { holdResponse } from './held-response.ts'
import type { HeldOutcome, HeldResponseHooks } from './hold.ts'
import type { PipelineHost } from './pipeline-host.ts'
import { problemOf } from './problem-details.ts'
import type { Answer } from './replaced-response.ts'

export interface OpenRequestOptions {
  readonly excluded: boolean
  /** Names the trail of a request that ends unresolved. */
  readonly hint?: () => Promise<string | undefined>
}

/**
 * Opens a request's record and holds its response: the last byte leaves once the record is durable.
 *
 * @throws ThroughlineError `CLOSED`; `OPTIONS_INVALID` over HTTP/2, whose responses can't be held
 */
export function openRequest<Req>(
  host: PipelineHost,
  exchange: Exchange<Req>,
  options: OpenRequestOptions,
): OpenExchange {
  if (exchange.message.httpVersionMajor > 1) {
    throw new ThroughlineError('OPTIONS_INVALID', {
      message: 'The request came over HTTP/2, whose responses can not be held until they are on record.',
      remedy: 'Serve the app by `node:http` or `node:https`; a proxy before it may speak HTTP/2.',
    })
  }
  const open = new OpenRequest(host, exchange, options)
  setOpenExchange(exchange.response, open)
  holdResponse(exchange.message, exchange.response, open)
  return open
}

/**
 * Closes the record of a request that goes on as a stream: it succeeded once it is open, and its response holds nothing
 * back when it ends. What its context does meanwhile becomes further parts.
 */
export async function settleAsStream(response: ServerResponse, now: () => number): Promise<void> {
  const open = openExchangeOf(response)
  if (!open || open.excluded) return
  const { activity } = open
  activity.end = { route: activity.answer?.route(), status: 200, ms: now() - activity.at }
  open.excluded = true
  try {
    await activity.settle('request.handled', 'success')
  } catch (error) {
    open.excluded = false
    throw error
  }
}

/** Names of lists that are appended to: a few, and each in lower case again and again costs more than all else here. */
const lowered = new Map<string, string>()

function lowerCase(name: string): string {
  let lower = lowered.get(name)
  if (lower === undefined) {
    lower = name.toLowerCase()
    if (lowered.size < 100) lowered.set(name, lower)
  }
  return lower
}

/** One open request: what it carries, its answer as guards see it, and how its record is closed. */
class OpenRequest<Req> implements OpenExchange, RequestAnswer, HeldResponseHooks {
  readonly owner: PipelineHost
  readonly trace: TraceParent | undefined
  readonly activity: Activity
  excluded: boolean
  scope: Scope | undefined = undefined
  readonly holds = new Holds()
  readonly settled: () => void
  readonly #exchange: Exchange<Req>
  readonly #hint: OpenRequestOptions['hint']

  constructor(host: PipelineHost, exchange: Exchange<Req>, { excluded, hint }: OpenRequestOptions) {
    this.owner = host
    this.#exchange = exchange
    this.excluded = excluded
    this.#hint = hint
    this.settled = host.admit()
    this.trace = host.telemetry.parent()
    this.activity = host.openActivity(this.trace ? this.trace.traceId : inboundTraceId(exchange.message))
    this.activity.request = requestInfo(exchange)
    this.activity.answer = this
  }

  route(): string | undefined {
    return this.#exchange.route()
  }

  append(name: string, items: string): void {
    const { response } = this.#exchange
    if (response.headersSent) return
    const before = response.getHeader(lowerCase(name))
    response.setHeader(name, before === undefined ? items : `${String(before)}, ${items}`)
  }

  set(name: string, value: string): void {
    const { response } = this.#exchange
    if (!response.headersSent) response.setHeader(name, value)
  }

  settle(outcome: HeldOutcome): void | Promise<void> {
    const { trace, activity, owner } = this
    const closing = trace
      ? owner.telemetry.settle(trace, activity.tenant, () => this.#settle(outcome))
      : this.#settle(outcome)
    if (!(closing instanceof Promise)) return this.settled()
    if (!activity.background) return closing
    closing.catch(owner.onFailure).then(this.settled, this.settled)
    return undefined
  }

  replace(error: unknown): Answer {
    const problem = problemOf(error) ?? problemOf(new ThroughlineError('RECORDS_UNAVAILABLE', { cause: error }))
    return problem as Answer
  }

  #settle({ status, aborted, left }: HeldOutcome): MaybePromise<void> {
    const { activity, owner } = this
    const success = status < 400 && !aborted
    // Whoever leaves in the middle of an answer has had it: nobody gets out of the bill by leaving the last byte.
    const served = success || (left === true && status < 400 && !activity.failed)
    const route = this.#exchange.route()
    // What a framework began with (Koa with 404) was no answer.
    const answered = !aborted || this.#exchange.response.headersSent
    activity.end = { route, status: answered ? status : undefined, ms: owner.now() - activity.at }
    const decided = this.holds.decide(served)
    if (this.excluded) {
      activity.discard()
      return decided instanceof Promise ? decided.catch(owner.onFailure).then(() => this.#bill()) : this.#bill()
    }
    if (decided instanceof Promise) {
      // What could not be given back is the journal's to report; the request's record must stand all the same.
      return decided.catch(owner.onFailure).then(() => close(activity, success, status, aborted))
    }
    if (activity.tenant === undefined && this.#hint) {
      return this.#hint()
        .catch(() => undefined)
        .then((tenant) => {
          activity.tenant = tenant
          return close(activity, success, status, aborted)
        })
    }
    return close(activity, success, status, aborted)
  }

  /** A route out of the record is not out of the bill. */
  #bill(): MaybePromise<void> {
    return this.activity.owes ? this.activity.settlePart() : undefined
  }
}

function close(activity: Activity, success: boolean, status: number, aborted: boolean): Promise<void> {
  if (!activity.refused && (status === 401 || status === 403)) {
    activity.note({ action: 'auth.refused', outcome: 'refused', notable: true, metadata: { code: String(status) } })
  }
  if (status >= 500 && !activity.failed) {
    activity.note({ action: 'error', outcome: 'failure', notable: true, metadata: { status } })
  }
  const outcome = success ? 'success' : activity.refused ? 'refused' : 'failure'
  return activity.settle('request.handled', outcome, aborted ? { aborted } : undefined)
}
