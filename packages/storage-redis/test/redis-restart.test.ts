import { redisLimits } from '@throughline/storage-redis'
import { describe, expect, it } from 'vitest'
import { canStartRedis, RedisServer } from '../../../test/fixtures/redis-server.ts'
import { inScratchDirectory } from '../../../test/fixtures/scratch-directory.ts'
import { until } from '../../../test/until.ts'
import { SINGLE } from './redis-clients.ts'
import { takeOne } from './take-one.ts'
import { Traffic } from './traffic.ts'

const ANSWER_MS = 1_000
/** Of a machine that is busy. */
const SLACK_MS = 1_000

describe.skipIf(!canStartRedis())('a Redis that fails in mid-traffic', { timeout: 60_000 }, () => {
  // With each client's own settings: what they would let wait must not.
  it.concurrent.each(Object.entries(SINGLE))(
    'is told from a refusal by %s, soon, and recovered from',
    async (_, connect) => {
      await inScratchDirectory(async (directory) => {
        const server = await RedisServer.create(directory)
        const { client, close } = await connect(server.url)
        const limits = redisLimits({ client, answerWithinMs: ANSWER_MS })
        const traffic = new Traffic(limits)
        const goesOn = async (what: string): Promise<void> => {
          const { granted } = traffic
          await until(() => traffic.granted > granted + 50, { what: `decisions ${what}`, withinMs: 20_000 })
        }
        const fails = async (what: string): Promise<void> => {
          const { failed } = traffic
          await until(() => traffic.failed > failed + 3, { what: `errors ${what}` })
        }
        try {
          await goesOn('at first')
          expect(traffic.failed).toBe(0)

          await server.command('SCRIPT', 'FLUSH')
          await goesOn('without the script')
          expect(traffic.failed).toBe(0)

          traffic.longestMs = 0
          await server.kill()
          await fails('while it is down')
          // Not after a while: nothing waits for a connection. Had half of them waited, it would take longer.
          const began = performance.now()
          for (let i = 0; i < 10; i++) await expect(limits.decide(takeOne('acme', 1), 0)).rejects.toThrow()
          expect(performance.now() - began).toBeLessThan(5 * ANSWER_MS)
          await server.start()
          await goesOn('after a restart')

          server.freeze()
          await fails('while it stands still')
          server.thaw()
          await goesOn('once it goes on')

          expect(traffic.longestMs).toBeLessThan(ANSWER_MS + SLACK_MS)
          expect(traffic.refused).toBe(0)
        } finally {
          await traffic.end()
          await close()
          server.thaw()
          await server.kill()
        }
      })
    },
  )
})
