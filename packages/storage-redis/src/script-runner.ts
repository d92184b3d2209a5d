import { createHash } from 'node:crypto'
import { inTime } from '@throughline/core/storage'
import type { RedisClient } from './redis-client.ts'
import { isIoredis, isNodeRedis } from './redis-client.ts'

/** A script and the hash a server knows it by. */
export class Script {
  readonly text: string
  readonly sha: string

  constructor(text: string) {
    this.text = text
    this.sha = createHash('sha1').update(text).digest('hex')
  }
}

/** Runs scripts by their hash; a server that does not know one yet, or any more, is given its text. */
export class ScriptRunner {
  readonly #client: RedisClient
  readonly #answerWithinMs: number
  #wasReady = false

  constructor(client: RedisClient, answerWithinMs: number) {
    this.#client = client
    this.#answerWithinMs = answerWithinMs
  }

  /**
   * @throws Error, at once, while a client that was connected is not: a decision must not wait in a queue; and when there
   *   is no answer in time. What the client or the server refuses is rejected as it comes.
   */
  async run(script: Script, keys: string[], args: string[]): Promise<unknown> {
    if (isReady(this.#client)) this.#wasReady = true
    else if (this.#wasReady)
      throw new Error('Redis is not connected; limits on it go on by themselves once it is again.')
    try {
      return await this.#inTime(this.#byHash(script, keys, args))
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error
      // Nothing was done: the server has restarted, or is another one since a failover.
      return await this.#inTime(this.#byText(script, keys, args))
    }
  }

  /** A server that stands still, or is out of reach, closes no connection: the client would wait for it. */
  #inTime(answer: Promise<unknown>): Promise<unknown> {
    return inTime(this.#answerWithinMs, 'Redis', answer)
  }

  #byHash({ sha }: Script, keys: string[], args: string[]): Promise<unknown> {
    const client = this.#client
    if (isNodeRedis(client)) return client.evalSha(sha, { keys, arguments: args })
    return client.evalsha(sha, keys.length, ...keys, ...args)
  }

  #byText({ text }: Script, keys: string[], args: string[]): Promise<unknown> {
    const client = this.#client
    if (isNodeRedis(client)) return client.eval(text, { keys, arguments: args })
    return client.eval(text, keys.length, ...keys, ...args)
  }
}

function isReady(client: RedisClient): boolean {
  if (isIoredis(client)) return client.status === 'ready'
  // Clusters and pools of node-redis 5 only say that they are open.
  return client.isReady ?? client.isOpen ?? true
}
