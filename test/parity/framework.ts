import type { RequestListener, ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import type { Guard, RunInput } from '@throughline/core'
import type { createTestThroughline } from '@throughline/core/testing'

/** What a handler says, whatever the framework. */
export interface Answerer {
  readonly params: Readonly<Record<string, string>>
  readonly body: unknown
  /** Node's response; whoever takes it answers by it alone. */
  raw(): ServerResponse
  /** Answers with a body of this media type, the framework's way. */
  send(status: number, type: string, body: string | Buffer | Readable): unknown
  json(status: number, body: object): unknown
  /** No body. */
  empty(status: number, headers?: Readonly<Record<string, string>>): unknown
  enter<R>(input: RunInput, fn: () => R): Promise<R>
}

export interface Route {
  readonly method: 'get' | 'post'
  readonly path: string
  readonly guards?: readonly [Guard, ...Guard[]]
  /** What the request must not be past: answered before `tenantContext`. */
  readonly early?: true
  handle(answer: Answerer): unknown
}

export interface AppParts {
  /** Absent: the same app without Throughline. */
  readonly throughline: ReturnType<typeof createTestThroughline> | undefined
  readonly routes: readonly Route[]
  readonly middleware?: 'compress' | 'session' | undefined
  readonly observe?: boolean
}

/** One framework in one major version. */
export interface Framework {
  readonly name: string
  app(parts: AppParts): RequestListener
}

/** The app's own login: `x-user: ada@acme`. */
export function userOf(header: unknown): { readonly id: string; readonly org: string } | undefined {
  const [id, org] = String(header ?? '').split('@')
  return id && org ? { id, org } : undefined
}

export const TENANTLESS = ['/health']
export const EXCLUDED = ['/quiet']
