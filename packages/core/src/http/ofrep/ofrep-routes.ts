import type { IncomingMessage, ServerResponse } from 'node:http'
import { currentScope } from '../../context/ambient.ts'
import type { Scope } from '../../context/scope.ts'
import { ThroughlineError } from '../../errors.ts'
import type { ThroughlineHost } from '../../instance.ts'
import { requestPath } from '../../resolve/request-path.ts'
import { hostOf, recordError } from '../adapter.ts'
import { problemOf } from '../problem-details.ts'
import type { Answer } from '../replaced-response.ts'
import { readCallContext } from './call-context.ts'
import { entityTag, matches } from './entity-tag.ts'
import { bulkJson, evaluationJson } from './evaluation-json.ts'
import { FlagStreams } from './flag-streams.ts'
import { isBehind, versionOf } from './flag-version.ts'
import { OfrepFailure } from './ofrep-failure.ts'
import type { OfrepOptions } from './ofrep-options.ts'
import { checkOfrepOptions, originOf } from './ofrep-options.ts'
import type { RemoteEngines, RemoteFlags } from './remote-flags.ts'

const BULK = '/ofrep/v1/evaluate/flags'
const STREAM = '/ofrep/v1/streams'
const CAUGHT_UP_MS = 2_000
const MAX_CAUGHT_UP = 10_000
const HEADERS = {
  'Content-Type': 'application/json; charset=utf-8',
  'Cache-Control': 'private, no-cache',
  Vary: 'Authorization, Cookie, X-API-Key',
}

/** One call, as an adapter hands it over. */
export interface OfrepCall {
  readonly message: IncomingMessage
  readonly response: ServerResponse
  /** What a body parser left; `undefined` where none ran. */
  readonly body: unknown
  /** Scheme and host as the request says, with regard to the proxies that the app trusts. */
  readonly origin: string | undefined
}

/** Serves one call: the answer, or `undefined` where the response goes on as a stream. */
export type OfrepRoute = (call: OfrepCall) => Promise<Answer | undefined>

/**
 * The routes of the OpenFeature Remote Evaluation Protocol, version 0.3
 * (https://github.com/open-feature/protocol), for the tenant of the open context.
 */
export class OfrepRoutes {
  readonly #host: ReturnType<typeof hostOf>
  readonly #flags: RemoteFlags
  readonly #engines: RemoteEngines
  readonly #options: OfrepOptions
  readonly #streams: FlagStreams | undefined
  /** Tenants for whom the newest state was looked up in vain, and when (ms): for a while it is not again. */
  readonly #caughtUp = new Map<string, number>()

  /** @throws ThroughlineError `OPTIONS_INVALID` */
  constructor(throughline: ThroughlineHost, options: OfrepOptions) {
    const host = hostOf('ofrep', throughline)
    const engines: RemoteEngines = host.engines
    const { remoteFlags } = engines
    if (!remoteFlags) {
      throw new ThroughlineError('OPTIONS_INVALID', { message: 'ofrep: the catalog has no "flags" to evaluate.' })
    }
    checkOfrepOptions(options, engines.limitNames ?? [])
    this.#host = host
    this.#engines = engines
    this.#flags = remoteFlags
    this.#options = options
    if (options.streams === false) return
    this.#streams = new FlagStreams({
      flags: remoteFlags,
      limits: options.streams ?? {},
      now: () => host.now(),
      onClosing: (end) => host.closing.add(end),
      isClosed: () => host.closed,
      onFailure: (error) => host.onFailure(error),
    })
  }

  /**
   * What serves a request, `undefined` for one of the app's own.
   *
   * @param path without the query string, below where the routes are mounted
   */
  match(method: string | undefined, path: string): OfrepRoute | undefined {
    if (!path.startsWith('/ofrep/v1/')) return undefined
    if (method === 'GET') {
      return path === STREAM && this.#streams ? (call) => this.#serve(call, undefined, this.#stream) : undefined
    }
    if (method !== 'POST') return undefined
    if (path === BULK) return (call) => this.#serve(call, undefined, this.#bulk)
    const key = path.startsWith(`${BULK}/`) ? path.slice(BULK.length + 1) : ''
    return key === '' ? undefined : (call) => this.#serve(call, key, this.#single)
  }

  /**
   * What is wrong with a call is answered in OFREP's terms, what a limit refuses with problem details.
   *
   * @throws ThroughlineError `TENANT_REQUIRED`, `CONTEXT_MISMATCH` where it is mounted wrongly
   */
  async #serve(
    call: OfrepCall,
    key: string | undefined,
    route: (call: OfrepCall, scope: Scope, key: string) => Promise<Answer | undefined>,
  ): Promise<Answer | undefined> {
    const scope = currentScope()
    if ((scope.owner as unknown) !== this.#host) throw new ThroughlineError('CONTEXT_MISMATCH')
    try {
      const { limit } = this.#options
      const hold = limit !== undefined && (await this.#engines.limits?.requireIn(scope, limit, 1))
      if (hold) await scope.holds.add([hold])
      return await route.call(this, call, scope, key ?? '')
    } catch (error) {
      return this.#failed(error, key)
    }
  }

  #failed(error: unknown, key: string | undefined): Answer {
    const problem = problemOf(error)
    if (problem) {
      recordError(error)
      if (problem.status >= 500) this.#host.onFailure(error)
      return problem
    }
    if (error instanceof OfrepFailure) {
      const named = key === undefined ? {} : { key: decoded(key) ?? key }
      return answer(error.status, { ...named, errorCode: error.code, errorDetails: error.message })
    }
    recordError(error)
    this.#host.onFailure(error)
    return answer(500, { errorDetails: 'The server could not handle the request.' })
  }

  async #single(call: OfrepCall, scope: Scope, rawKey: string): Promise<Answer> {
    const context = await readCallContext(call.message, call.body)
    const key = decoded(rawKey)
    if (key === undefined) throw new OfrepFailure('PARSE_ERROR', 'The key of the flag is not well-formed.')
    await this.#catchUp(call, scope)
    return answer(200, evaluationJson(this.#flags, scope, key, context))
  }

  async #bulk(call: OfrepCall, scope: Scope): Promise<Answer> {
    const context = await readCallContext(call.message, call.body)
    await this.#catchUp(call, scope)
    const flags = bulkJson(this.#flags, scope, context)
    const streams = this.#streamsOf(call)
    const body = { flags, metadata: { version: versionOf(scope) }, ...(streams && { eventStreams: streams }) }
    // Its fingerprint is left out: another process, with another one, has the same answer.
    const { platformVersion, version } = scope.snapshot
    const tag = entityTag(scope, context.text, JSON.stringify([flags, streams, platformVersion, version]))
    const { 'Content-Type': type, ...headers } = { ...HEADERS, ETag: tag }
    if (matches(call.message.headers['if-none-match'], tag)) return { status: 304, headers, body: '' }
    return { status: 200, headers: { ...headers, 'Content-Type': type }, body: JSON.stringify(body) }
  }

  /** What another process told the client of must not be missed here; what nobody told costs one look in 2 s. */
  async #catchUp({ message }: OfrepCall, scope: Scope): Promise<void> {
    const query = /\?([^#]*)/.exec(message.url ?? '')?.[1]
    if (query === undefined) return
    const told = new URLSearchParams(query).get('flagConfigEtag')
    if (!isBehind(scope.snapshot, told)) return
    const now = this.#host.now()
    // A clock that was set back must not make it wait for longer.
    if (Math.abs(now - (this.#caughtUp.get(scope.tenant.id) ?? Number.NEGATIVE_INFINITY)) < CAUGHT_UP_MS) return
    await scope.owner.refresh(scope)
    if (!isBehind(scope.snapshot, told)) return
    if (this.#caughtUp.size >= MAX_CAUGHT_UP) this.#caughtUp.clear()
    this.#caughtUp.set(scope.tenant.id, now)
  }

  async #stream(call: OfrepCall, scope: Scope): Promise<undefined> {
    const lastEventId = call.message.headers['last-event-id']
    await this.#streams?.open(scope, call.response, typeof lastEventId === 'string' ? lastEventId : undefined)
  }

  #streamsOf(call: OfrepCall): readonly object[] | undefined {
    const origin = originOf(this.#options.origin ?? call.origin)
    if (!this.#streams || origin === undefined) return undefined
    const mounted = requestPath(call.message).slice(0, -BULK.length)
    return [{ type: 'sse', url: `${origin}${mounted}${STREAM}` }]
  }
}

function decoded(key: string): string | undefined {
  try {
    return decodeURIComponent(key)
  } catch {
    return undefined
  }
}

function answer(status: number, body: object): Answer {
  return { status, headers: HEADERS, body: JSON.stringify(body) }
}
