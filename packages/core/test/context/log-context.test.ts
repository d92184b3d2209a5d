import { Writable } from 'node:stream'
import { pino } from 'pino'
import { describe, expect, it } from 'vitest'
import { currentContext, logContext } from '../../src/index.ts'
import { ada, operator, useInstance } from './bench.ts'

const throughline = useInstance()

describe('logContext', () => {
  it('puts tenant, actor and trace on each line that pino writes in a context, and nothing outside of one', async () => {
    const lines: string[] = []
    const sink = new Writable({
      write(chunk, _encoding, done) {
        lines.push(String(chunk))
        done()
      },
    })
    const log = pino({ base: null, timestamp: false, mixin: logContext }, sink)
    log.info('outside')
    const ids = ['acme', 'globex'].map((tenant) =>
      throughline().run({ tenant, actor: { id: `ada-of-${tenant}`, name: 'Ada' } }, async () => {
        log.info({ report: 7 }, 'before')
        await new Promise((resolve) => setImmediate(resolve))
        log.info('after')
        return currentContext().traceId
      }),
    )
    const [acme, globex] = await Promise.all(ids)
    await throughline().platform.run(operator, () => log.info('platform'))
    const logged = lines.map((line) => JSON.parse(line))
    const of = (tenant: string) => ({ tenant, actor: `ada-of-${tenant}`, traceId: tenant === 'acme' ? acme : globex })
    expect(logged).toHaveLength(6)
    expect(logged).toEqual(
      expect.arrayContaining([
        { level: 30, msg: 'outside' },
        { level: 30, msg: 'platform' },
        { level: 30, msg: 'before', report: 7, ...of('acme') },
        { level: 30, msg: 'after', ...of('acme') },
        { level: 30, msg: 'before', report: 7, ...of('globex') },
        { level: 30, msg: 'after', ...of('globex') },
      ]),
    )
  })

  it('is an object of its own each time: what a logger writes into it stays there', async () => {
    await throughline().run({ tenant: 'acme', actor: ada }, () => {
      Object.assign(logContext(), { tenant: 'globex' })
      expect(logContext().tenant).toBe('acme')
    })
    Object.assign(logContext(), { tenant: 'globex' })
    expect(logContext()).toEqual({})
  })
})
