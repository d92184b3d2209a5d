import type { RequestInfo } from '../vocabulary.ts'

/** Longest text taken over from a request. */
const MAX_TEXT = 500

/** How a request ended: known when it settles. */
export interface RequestEnd {
  readonly route: string | undefined
  /** None where the client had gone before there was one. */
  readonly status: number | undefined
  readonly ms: number
}

/** A request as a record has it, as JSON. */
export function requestJson(request: RequestInfo, end: RequestEnd | undefined): string {
  let json = `{"method":"${request.method}","path":${text(request.path)}`
  if (end?.route !== undefined) json += `,"route":${text(end.route)}`
  if (end?.status !== undefined) json += `,"status":${end.status}`
  if (end) json += `,"ms":${end.ms}`
  if (request.ip !== undefined) json += `,"ip":${text(request.ip)}`
  if (request.userAgent !== undefined) json += `,"agent":${text(request.userAgent)}`
  if (request.id !== undefined) json += `,"id":${text(request.id)}`
  return `${json}}`
}

function text(value: string): string {
  return JSON.stringify(value.length > MAX_TEXT ? value.slice(0, MAX_TEXT) : value)
}
