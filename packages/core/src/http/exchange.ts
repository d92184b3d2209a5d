import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Holds } from '../context/holds.ts'
import type { Scope } from '../context/scope.ts'
import type { Activity } from '../journal/activity.ts'
import type { TraceParent } from '../telemetry-port.ts'
import type { RequestInfo } from '../vocabulary.ts'

/** One request, as an adapter hands it to the pipeline. */
export interface Exchange<Req> {
  /** What resolvers and callbacks of the app read: Express' request, Koa's context. */
  readonly carrier: Req
  readonly message: IncomingMessage
  readonly response: ServerResponse
  /** Without the query string. */
  readonly path: string
  readonly ip: string | undefined
  /** The route's template, asked when the request settles: `/reports/:id`. */
  route(): string | undefined
}

/** What an open request carries from middleware to middleware. */
export interface OpenExchange {
  /** The instance that opened it, whose journal its record goes to. */
  readonly owner: object
  readonly activity: Activity
  /** The app's span around the request, if it traces. */
  readonly trace: TraceParent | undefined
  /** Its route is excluded: nothing is recorded of it. */
  excluded: boolean
  /** Once it is entered. */
  scope: Scope | undefined
  /** Of every scope that it enters: also what is reserved for one after the client has gone. */
  readonly holds: Holds
}

const OPEN = Symbol('throughline.exchange')

export function openExchangeOf(response: ServerResponse): OpenExchange | undefined {
  return (response as { [OPEN]?: OpenExchange })[OPEN]
}

export function setOpenExchange(response: ServerResponse, open: OpenExchange): void {
  ;(response as { [OPEN]?: OpenExchange })[OPEN] = open
}

/** The request as contexts and records show it, which freeze it where the app sees it. The query string is left out. */
export function requestInfo(exchange: Exchange<unknown>): RequestInfo {
  const { headers, method } = exchange.message
  const { ip } = exchange
  const { host, 'user-agent': agent, 'x-request-id': id } = headers
  const info: { -readonly [K in keyof RequestInfo]: RequestInfo[K] } = { method: method ?? 'GET', path: exchange.path }
  if (host !== undefined) info.host = host
  if (ip !== undefined) info.ip = ip
  if (agent !== undefined) info.userAgent = agent
  if (typeof id === 'string') info.id = id
  return info
}

/** The trace id of a valid W3C `traceparent` header. It joins traces; it never chooses a tenant. */
export function inboundTraceId(message: IncomingMessage): string | undefined {
  const header = message.headers.traceparent
  if (typeof header !== 'string') return undefined
  const match = /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}/.exec(header)
  return match && !/^0+$/.test(match[1] as string) ? match[1] : undefined
}
