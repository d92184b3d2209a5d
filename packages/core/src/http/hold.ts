import type { IncomingMessage, ServerResponse } from 'node:http'
import type { HeldSocket } from './held-socket.ts'
import type { Chunk, OutgoingResponse, ResponseFunction } from './outgoing.ts'
import { outgoing } from './outgoing.ts'
import type { Answer } from './replaced-response.ts'

/** How a response ended. */
export interface HeldOutcome {
  readonly status: number
  /** It closed before its end. */
  readonly aborted: boolean
  /** It was the client who closed it, when it had the beginning of the answer. */
  readonly left?: true
}

/** What a held response asks of the one who holds it. */
export interface HeldResponseHooks {
  /**
   * Called exactly once: at the first `end`, or when the response closes without one (`aborted`). A promise holds the
   * response back until it is done; it rejects only when the response must be replaced.
   */
  settle(outcome: HeldOutcome): void | Promise<void>
  /** What was waited for is done, one way or the other; called before the response goes on. */
  settled?(): void
  /** What replaces a response whose settle was rejected, if nothing of it was sent; otherwise the connection is cut. */
  replace(error: unknown): Answer
  /** Something that the app tried after its first `end`, and that was ignored. */
  late?(what: 'write' | 'end' | 'head'): void
}

export const OPEN = 0
export const HELD = 1
export const DONE = 2

const NONE: readonly unknown[] = []

const HOLD: unique symbol = Symbol('throughline.hold')

type HeldResponse = OutgoingResponse & { [HOLD]?: Hold }

/** What is known of one held response. One object of one shape: every request has it. */
export class Hold {
  phase: typeof OPEN | typeof HELD | typeof DONE = OPEN
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** As it was found: Node takes it off a request that is given up, so that it can be answered. */
  readonly socket: HeldSocket | null
  readonly hooks: HeldResponseHooks
  /** The functions as they were found: Node's, or those of a middleware mounted before. */
  readonly end: ResponseFunction
  readonly write: ResponseFunction
  readonly flushHeaders: ResponseFunction
  /** Bytes written so far under a declared Content-Length. */
  written = 0
  /** Something was passed on to be sent. */
  passed = false
  /** The chunk that completes a declared Content-Length. */
  kept: Chunk | undefined = undefined
  keptEncoding: unknown = undefined
  /** The parameters of `end`. */
  chunk: unknown = undefined
  encoding: unknown = undefined
  callback: unknown = undefined
  /** Callbacks of further calls of `end` while it was held, due after that of the first. */
  callbacks: readonly unknown[] = NONE
  /** How the response stood when the app ended it. */
  header: string | null = null
  statusCode = 0
  statusMessage = ''
  trailer = ''
  writeHead: ResponseFunction | undefined = undefined
  destroy: ResponseFunction | undefined = undefined
  /** Set where the response waits for its turn on the socket. */
  finish: ResponseFunction | undefined = undefined

  constructor(request: IncomingMessage, response: ServerResponse, hooks: HeldResponseHooks) {
    const found = outgoing(response)
    this.request = request
    this.response = response
    this.socket = request.socket ?? response.socket
    this.hooks = hooks
    this.end = found.end
    this.write = found.write
    this.flushHeaders = found.flushHeaders
  }

  /** @throws Error if the response is held already. */
  static of(request: IncomingMessage, response: ServerResponse, hooks: HeldResponseHooks): Hold {
    const held = outgoing(response) as HeldResponse
    if (held[HOLD] !== undefined) throw new Error('This response is held already.')
    const hold = new Hold(request, response, hooks)
    held[HOLD] = hold
    return hold
  }
}

/** The hold of a response that is known to have one. */
export function holdOf(response: OutgoingResponse): Hold {
  return (response as HeldResponse)[HOLD] as Hold
}
