import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { createThroughline, memoryStorage, quotaPerMonth, type ThroughlineError } from '../src/index.ts'
import type { JournalBatch, JournalRecord } from '../src/storage/index.ts'
import { batchLines } from '../src/storage/index.ts'
import { ada, useInstance } from './context/bench.ts'

const memory = useInstance()
const TRANSACTION = { isCompleted: () => false }

/** An instance whose storage notes what joins a transaction. */
function joining(refuse?: Error) {
  const { records } = memoryStorage()
  const joined: JournalBatch[] = []
  records.appendWithin = async (transaction, batch) => {
    expect(transaction).toBe(TRANSACTION)
    if (refuse) throw refuse
    joined.push(batch)
  }
  const throughline = createThroughline({
    storage: { records },
    meters: { reports: { aggregate: 'sum' } },
    plans: { free: {}, capped: { quotas: { reports: quotaPerMonth(3, { hard: true }) } } },
    tenants: { load: (id: string) => ({ id, plan: id === 'capped' ? 'capped' : 'free' }) },
    config: z.object({ theme: z.string().default('light') }),
  })
  return {
    throughline,
    joined,
    recordsOf: (batch: JournalBatch | undefined): JournalRecord[] =>
      batchLines(batch?.body ?? '[]').map((line) => JSON.parse(line)),
    run: <R>(fn: () => Promise<R>): Promise<R> => throughline.run({ tenant: 'acme', actor: ada }, fn),
    /** What is on the trail by itself. */
    trail: async (): Promise<string[]> => {
      const { events } = await throughline.run({ tenant: 'acme', actor: ada }, () => throughline.audit.list())
      return events.map(({ action }) => action)
    },
  }
}

const codeOf = (error: ThroughlineError): string => error.code

describe('within', () => {
  it('is refused where the records are in memory, with what to do, and before anything is run', async () => {
    let ran = false
    const refused = memory().run({ tenant: 'acme', actor: ada }, () =>
      memory().within(TRANSACTION, () => {
        ran = true
      }),
    )
    await expect(refused).rejects.toMatchObject({
      code: 'WITHIN_UNSUPPORTED',
      message: expect.stringMatching(/"memory".*Postgres/),
    })
    expect(ran).toBe(false)
  })

  it('is refused outside of a tenant context, of another instance’s, and without a function', async () => {
    const { throughline, run } = joining()
    const fn = (): void => undefined
    expect(await throughline.within(TRANSACTION, fn).catch(codeOf)).toBe('TENANT_REQUIRED')
    const elsewhere = memory().run({ tenant: 'acme', actor: ada }, () => throughline.within(TRANSACTION, fn))
    expect(await elsewhere.catch(codeOf)).toBe('CONTEXT_MISMATCH')
    expect(await run(() => throughline.within(TRANSACTION, undefined as never)).catch(codeOf)).toBe('OPTIONS_INVALID')
    await throughline.close()
  })

  it('makes one batch of all that is recorded inside, of a writer of its own', async () => {
    const { throughline, run, joined, recordsOf, trail } = joining()
    await run(async () => {
      const trace = await throughline.within(TRANSACTION, async () => {
        await throughline.usage.record('reports', 2)
        await throughline.usage.record('reports', 2)
        await throughline.usage.record('reports', 3, { key: 'k' })
        await throughline.audit.record({ action: 'report.made' })
        expect(joined).toEqual([])
        return 'answer'
      })
      expect(trace).toBe('answer')
      await throughline.within(TRANSACTION, () => throughline.audit.record({ action: 'report.sent' }))
    })
    expect(joined).toHaveLength(2)
    const [first, second] = joined
    expect(first).toMatchObject({ seq: 1, lane: 0, at: expect.any(Number) })
    expect(first?.writer).toMatch(/\.t$/)
    expect(second?.writer).not.toBe(first?.writer)
    const [record] = recordsOf(first)
    expect(record).toMatchObject({ tenant: 'acme', actor: { type: 'user', id: 'ada' }, trace: expect.any(String) })
    expect(record?.events.map(({ action, count, metadata }) => [action, count, metadata])).toEqual([
      ['usage.recorded', undefined, { quantity: 3, key: 'k' }],
      ['report.made', undefined, undefined],
      ['usage.recorded', 2, { quantity: 2 }],
    ])
    expect(await trail()).toEqual(['run.completed'])
    await throughline.close()
  })

  it('appends nothing when the function fails, or recorded nothing', async () => {
    const { throughline, run, joined } = joining()
    const failed = run(() =>
      throughline.within(TRANSACTION, async () => {
        await throughline.audit.record({ action: 'report.made' })
        throw new Error('no')
      }),
    )
    await expect(failed).rejects.toThrow('no')
    await run(() => throughline.within(TRANSACTION, () => undefined))
    expect(joined).toEqual([])
    await throughline.close()
  })

  it('rejects when the record could not join', async () => {
    const { throughline, run, trail } = joining(new Error('gone'))
    const failed = run(() => throughline.within(TRANSACTION, () => throughline.audit.record({ action: 'report.made' })))
    await expect(failed).rejects.toThrow('gone')
    expect(await trail()).toEqual(['error', 'run.completed'])
    await throughline.close()
  })

  it('drops nothing, however much is recorded inside', async () => {
    const { throughline, run, joined, recordsOf } = joining()
    await run(() =>
      throughline.within(TRANSACTION, async () => {
        for (let nth = 0; nth < 450; nth++) await throughline.audit.record({ action: 'report.made', metadata: { nth } })
      }),
    )
    expect(joined).toHaveLength(1)
    const events = recordsOf(joined[0]).flatMap((record) => record.events)
    expect(events.map(({ metadata }) => metadata?.nth)).toEqual(Array.from({ length: 450 }, (_, nth) => nth))
    await throughline.close()
  })

  it('has on the context’s record what comes once the function has ended', async () => {
    const { throughline, run, joined, trail } = joining()
    let later = async (): Promise<void> => undefined
    await run(async () => {
      await throughline.within(TRANSACTION, async () => {
        let resolve = (): void => undefined
        const begun = new Promise<void>((begin) => {
          resolve = begin
        })
        const recorded = begun.then(() => throughline.audit.record({ action: 'report.sent' }))
        later = () => {
          resolve()
          return recorded
        }
      })
      // While another one is under way.
      await throughline.within(TRANSACTION, later)
    })
    expect(joined).toEqual([])
    expect(await trail()).toContain('report.sent')
    await throughline.close()
  })

  it('takes units of a hard quota for a call that nobody waited for as it does outside', async () => {
    const { throughline, joined } = joining()
    let late = Promise.resolve()
    await throughline.run({ tenant: 'capped', actor: ada }, async () => {
      await throughline.within(TRANSACTION, () => {
        late = throughline.usage.record('reports', 2)
      })
      await throughline.within(TRANSACTION, () => late)
      await expect(throughline.usage.remaining('reports')).resolves.toMatchObject({ used: 2, remaining: 1 })
      await expect(throughline.usage.record('reports', 2)).rejects.toMatchObject({ code: 'QUOTA_EXCEEDED' })
      await throughline.usage.record('reports', 1)
    })
    expect(joined).toEqual([])
    await throughline.close()
  })

  it('refuses changes of state inside, which would be committed whatever becomes of the transaction', async () => {
    const { throughline, run } = joining()
    await run(async () => {
      const refused = await throughline
        .within(TRANSACTION, () => throughline.config.set({ theme: 'dark' }))
        .catch((error: unknown) => error)
      expect(refused).toMatchObject({ code: 'WITHIN_UNSUPPORTED', message: expect.stringMatching(/before `within`/) })
      expect(throughline.config.get('theme')).toBe('light')
      await throughline.config.set({ theme: 'dark' })
      expect(throughline.config.get('theme')).toBe('dark')
    })
    await throughline.close()
  })
})
