import fc from 'fast-check'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { quotaPerDay, quotaPerMonth } from '../../src/catalog/index.ts'
import { ThroughlineError } from '../../src/errors.ts'
import { quotasView } from '../../src/usage/index.ts'
import { Ledger } from './ledger.ts'

const hard = (limit: number) => ({ reports: quotaPerMonth(limit, { hard: true }) })
let ledger: Ledger

beforeEach(async () => {
  ledger = await new Ledger().open()
})

async function refusal(call: Promise<unknown>): Promise<ThroughlineError> {
  return call.then(
    () => expect.fail('it passed'),
    (error: ThroughlineError) => error,
  )
}

describe('usage.record', () => {
  it('is in the totals once it resolves, and the same key counts once', async () => {
    const usage = ledger.engine(ledger.scope())
    await usage.record('reports')
    await usage.record('bytes', 500, { key: 'a' })
    await usage.record('bytes', 500, { key: 'a' })
    await usage.record('bytes', 20)
    expect(await usage.totals()).toEqual({
      from: '2026-11-01T00:00:00.000Z',
      to: '2026-12-01T00:00:00.000Z',
      totals: [
        { meter: 'bytes', quantity: 520, count: 2 },
        { meter: 'reports', quantity: 1, count: 1 },
      ],
    })
    expect(ledger.commits).toBe(0)
  })

  it('is on the record at once where no quota is counted, whatever the tenant is by then', async () => {
    const scope = ledger.scope()
    scope.found = new ThroughlineError('TENANT_SUSPENDED')
    ledger.now += 2_001
    const recorded = vi.spyOn(scope, 'recordUsage')
    const recording = ledger.engine(scope).record('reports')
    expect(recorded).toHaveBeenCalledTimes(1)
    await recording
  })

  it('is each tenant’s own', async () => {
    await ledger.engine(ledger.scope({}, 'globex')).record('reports')
    const { totals } = await ledger.engine(ledger.scope()).totals({ meter: 'reports' })
    expect(totals).toEqual([{ meter: 'reports', quantity: 0, count: 0 }])
  })

  it('refuses what can not be counted', async () => {
    const usage = ledger.engine(ledger.scope())
    await expect(usage.record('report')).rejects.toThrow(/METER_UNKNOWN: .*Did you mean "reports"\?/)
    for (const quantity of [0, -1, 1.5, Number.NaN, 2 ** 53]) {
      await expect(usage.record('bytes', quantity)).rejects.toThrow(/USAGE_QUANTITY_INVALID/)
    }
    // What a query string or a form gives: it must not read as the number that it looks like.
    await expect(usage.record('bytes', '5' as unknown as number)).rejects.toThrow(/The quantity "5" is not valid/)
    await expect(usage.record('reports', 2)).rejects.toThrow(/declare aggregate: 'sum'/)
    for (const key of ['', 'x'.repeat(201), '\ud800', 7 as unknown as string]) {
      await expect(usage.record('reports', 1, { key })).rejects.toThrow(/USAGE_KEY_INVALID/)
    }
    for (const options of [{ kye: 'run-1' }, 'run-1', 7, null] as object[]) {
      await expect(usage.record('reports', 1, options)).rejects.toThrow(/OPTIONS_INVALID: .* Pass `\{ key: … \}`/)
      expect(() => usage.reserveIn(ledger.scope(), 'reports', 1, options)).toThrow(/OPTIONS_INVALID/)
    }
    await expect(usage.totals({ meter: 'bites' })).rejects.toThrow(/METER_UNKNOWN/)
    expect((await usage.totals()).totals.every(({ count }) => count === 0)).toBe(true)
  })
})

describe('a hard quota', () => {
  it('refuses what goes beyond it, and says when to come back', async () => {
    const scope = ledger.scope(hard(2))
    const usage = ledger.engine(scope)
    await usage.record('reports')
    await usage.record('reports')
    const error = await refusal(usage.record('reports'))
    expect([error.code, error.status]).toEqual(['QUOTA_EXCEEDED', 429])
    expect(error.details).toMatchObject({
      meter: 'reports',
      limit: 2,
      used: 2,
      remaining: 0,
      resetsAt: '2026-12-01T00:00:00.000Z',
    })
    expect(Number(error.headers['Retry-After'])).toBe((Date.parse('2026-12-01') - ledger.now) / 1_000)
    expect(scope.noted).toEqual([
      {
        action: 'quota.refused',
        outcome: 'refused',
        notable: true,
        targets: [{ type: 'meter', id: 'reports' }],
        metadata: { quantity: 1, limit: 2, used: 2, period: '2026-11' },
      },
    ])
    expect((await usage.totals({ meter: 'reports' })).totals[0]?.quantity).toBe(2)
    expect(await usage.remaining('reports')).toMatchObject({ used: 2, remaining: 0, hard: true })
  })

  it('begins anew with each period', async () => {
    const usage = ledger.engine(ledger.scope({ reports: quotaPerDay(1, { hard: true }) }))
    await usage.record('reports')
    await expect(usage.record('reports')).rejects.toThrow(/QUOTA_EXCEEDED/)
    ledger.now = Date.parse('2026-11-16T00:00:00Z')
    await usage.record('reports')
  })

  it('starts from what the ledger has when there is no counter', async () => {
    const soft = ledger.engine(ledger.scope())
    await soft.record('reports')
    await soft.record('reports')
    const usage = ledger.engine(ledger.scope(hard(3)))
    await usage.record('reports')
    await expect(usage.record('reports')).rejects.toThrow(/QUOTA_EXCEEDED/)
  })

  it('counts what was used under a plan that did not limit it', async () => {
    const usage = ledger.engine(ledger.scope(hard(3)))
    await usage.record('reports')
    const soft = ledger.engine(ledger.scope())
    await soft.record('reports')
    await soft.record('reports')
    await ledger.drain()
    await expect(usage.record('reports')).rejects.toThrow(/QUOTA_EXCEEDED/)
  })

  it('counts a month apart from its first day', async () => {
    ledger.now = Date.parse('2026-11-01T12:00:00Z')
    const daily = ledger.engine(ledger.scope({ reports: quotaPerDay(1, { hard: true }) }))
    await daily.record('reports')
    ledger.now = Date.parse('2026-11-02T12:00:00Z')
    await daily.record('reports')
    const monthly = ledger.engine(ledger.scope(hard(3)))
    await monthly.record('reports')
    await expect(monthly.record('reports')).rejects.toThrow(/QUOTA_EXCEEDED/)
  })

  it('is that of the plan as it is, in a context that is open for long', async () => {
    const scope = ledger.scope(hard(1))
    const usage = ledger.engine(scope)
    await usage.record('reports')
    scope.found = quotasView(hard(2))
    ledger.now += 2_000
    await expect(usage.record('reports')).rejects.toThrow(/QUOTA_EXCEEDED/)
    ledger.now += 1
    await usage.record('reports')
    await expect(usage.record('reports')).rejects.toThrow(/QUOTA_EXCEEDED/)
    scope.found = quotasView({})
    ledger.now += 2_001
    await usage.record('reports')
    expect((await usage.totals({ meter: 'reports' })).totals[0]?.quantity).toBe(3)
  })

  it('is not asked for a context that may not go on: that is said, not that it can be tried again', async () => {
    const scope = ledger.scope(hard(3))
    scope.found = new ThroughlineError('TENANT_SUSPENDED')
    ledger.now += 2_001
    await expect(ledger.engine(scope).record('reports')).rejects.toThrow(/TENANT_SUSPENDED/)
    scope.found = new ThroughlineError('RECORDS_UNAVAILABLE')
    await expect(ledger.engine(scope).record('reports')).rejects.toThrow(/QUOTA_UNAVAILABLE/)
    const commit = () => Promise.reject(new ThroughlineError('TENANT_SUSPENDED'))
    await expect(ledger.engine(ledger.scope(hard(3)), { commit }).record('reports')).rejects.toThrow(/TENANT_SUSPENDED/)
    expect(ledger.commits).toBe(0)
  })

  it('admits nobody while the ledger can not be read or the counter not be moved', async () => {
    const usage = ledger.engine(ledger.scope(hard(3)))
    ledger.behind = true
    await expect(usage.record('reports')).rejects.toThrow(/QUOTA_UNAVAILABLE/)
    ledger.behind = false
    ledger.down = true
    expect((await refusal(usage.record('reports'))).status).toBe(503)
  })

  it('does not refuse a repeated call whose first one used it up', async () => {
    const usage = ledger.engine(ledger.scope(hard(1)))
    await Promise.all([usage.record('reports', 1, { key: 'a' }), usage.record('reports', 1, { key: 'a' })])
    await usage.record('reports', 1, { key: 'a' })
    await expect(usage.record('reports', 1, { key: 'b' })).rejects.toThrow(/QUOTA_EXCEEDED/)
    await expect(usage.record('reports', 1, { key: 'b' })).rejects.toThrow(/QUOTA_EXCEEDED/)
    expect((await usage.totals({ meter: 'reports' })).totals[0]).toMatchObject({ quantity: 1, count: 1 })
    const { events } = await ledger.records.timeline({ tenant: 'acme', limit: 10 })
    expect(events.map(({ metadata }) => metadata)).toEqual([
      { quantity: 1, key: 'a' },
      { quantity: 1, key: 'a' },
      { quantity: 1, key: 'a', quotaPeriod: '2026-11' },
    ])
  })

  it('gets back what a duplicate of another process had taken', async () => {
    const [one, other] = [ledger.engine(ledger.scope(hard(2))), ledger.engine(ledger.scope(hard(2)))]
    await one.record('reports', 1, { key: 'a' })
    await other.record('reports', 1, { key: 'a' })
    await expect(one.record('reports')).rejects.toThrow(/QUOTA_EXCEEDED/)
    await ledger.drain()
    await one.record('reports')
    expect((await one.totals({ meter: 'reports' })).totals[0]?.quantity).toBe(2)
  })

  it('only observes when told to', async () => {
    const scope = ledger.scope(hard(0))
    const usage = ledger.engine(scope, { mode: 'observe' })
    await usage.record('reports')
    expect(scope.noted).toMatchObject([{ action: 'quota.refused', metadata: { observed: true } }])
    expect((await usage.totals({ meter: 'reports' })).totals[0]?.quantity).toBe(1)
  })
})

describe('a reservation', () => {
  it('is usage once kept', async () => {
    const scope = ledger.scope(hard(1))
    const usage = ledger.engine(scope)
    const reservation = await usage.reserveIn(scope, 'reports')
    await expect(usage.record('reports')).rejects.toThrow(/QUOTA_EXCEEDED/)
    expect((await usage.totals({ meter: 'reports' })).totals[0]?.quantity).toBe(0)
    await reservation.keep()
    await scope.settlePart()
    expect((await usage.totals({ meter: 'reports' })).totals[0]?.quantity).toBe(1)
  })

  it('gives its units back once released', async () => {
    const scope = ledger.scope(hard(1))
    const usage = ledger.engine(scope)
    const reservation = await usage.reserveIn(scope, 'reports')
    await reservation.release()
    await usage.record('reports')
    expect((await usage.totals({ meter: 'reports' })).totals[0]?.quantity).toBe(1)
    await ledger.drain()
    const { events } = await ledger.records.timeline({ tenant: 'acme', limit: 10 })
    expect(events.map(({ action }) => action)).toEqual(['usage.recorded', 'quota.released', 'quota.reserved'])
  })

  it('counts in the period in which it was taken, also when it is kept in the next one', async () => {
    const quota = { reports: quotaPerDay(2, { hard: true }) }
    const scope = ledger.scope(quota)
    const usage = ledger.engine(scope)
    ledger.now = Date.parse('2026-11-30T23:59:59Z')
    const call = await usage.reserveIn(scope, 'reports', 1, { key: 'run-1' })
    ledger.now = Date.parse('2026-12-01T00:00:01Z')
    await usage.record('reports')
    await call.keep()
    await scope.settlePart()
    for (const period of ['day', 'month'] as const) {
      const before = await usage.totals({ meter: 'reports', period, at: '2026-11-30' })
      expect(before.totals[0]?.quantity).toBe(1)
      expect((await usage.totals({ meter: 'reports', period })).totals[0]?.quantity).toBe(1)
    }
    await usage.record('reports')
    await expect(usage.record('reports')).rejects.toMatchObject({ details: { used: 2 } })
  })

  it('puts a release that failed on record, and fails nothing', async () => {
    const scope = ledger.scope(hard(1))
    const reservation = await ledger.engine(scope).reserveIn(scope, 'reports')
    ledger.down = true
    await reservation.release()
    expect(scope.noted).toMatchObject([{ action: 'quota.released', outcome: 'failure', metadata: { quantity: 1 } }])
  })

  it('costs nothing where there is no hard quota', async () => {
    const scope = ledger.scope({ reports: quotaPerMonth(1) })
    const usage = ledger.engine(scope)
    const reservation = usage.reserveIn(scope, 'reports')
    if (reservation instanceof Promise) throw new Error('not at once')
    reservation.keep()
    await scope.settlePart()
    usage.reserveIn(scope, 'reports')
    expect(ledger.commits).toBe(0)
    expect((await usage.totals({ meter: 'reports' })).totals[0]?.quantity).toBe(1)
  })
})

describe('usage.totals and remaining', () => {
  it('read full hours of what is asked', async () => {
    const usage = ledger.engine(ledger.scope())
    ledger.now = Date.parse('2026-11-14T23:59:00Z')
    await usage.record('reports')
    ledger.now = Date.parse('2026-11-15T00:01:00Z')
    await usage.record('reports')
    const count = async (query: Parameters<typeof usage.totals>[0]) =>
      (await usage.totals({ ...query, meter: 'reports' })).totals[0]?.count
    expect(await count({ period: 'day' })).toBe(1)
    expect(await count({ period: 'month' })).toBe(2)
    expect(await count({ from: '2026-11-14T23:30:00Z' })).toBe(2)
    expect(await count({ from: '2026-11-14', to: new Date('2026-11-15') })).toBe(1)
    expect(await count({ from: '2026-11-15T00:30:00Z' })).toBe(1)
  })

  it('refuse a query that says nothing, with everything that is wrong', async () => {
    const usage = ledger.engine(ledger.scope())
    await expect(usage.totals({ from: 'x', periods: 'day' } as object)).rejects.toThrow(
      /QUERY_INVALID: "periods" is not known\. Did you mean "period"\? "from" is no time: give/,
    )
    for (const query of [null, 7, 'day'] as never[]) {
      await expect(usage.totals(query)).rejects.toThrow(/QUERY_INVALID: A query is an object, not/)
    }
    await expect(usage.totals({ from: 2, to: 1 })).resolves.toBeDefined()
    await expect(usage.totals({ from: 7_200_000, to: 1 })).rejects.toThrow(/"from" must be before "to"/)
    await expect(usage.totals({ period: 'day', from: 1 })).rejects.toThrow(/excludes/)
  })

  it('say when they are behind', async () => {
    const usage = ledger.engine(ledger.scope({ reports: quotaPerMonth(5) }))
    ledger.behind = true
    expect((await usage.totals()).behind).toBe(true)
    expect((await usage.remaining('reports'))?.behind).toBe(true)
  })

  it('report a soft quota, and none where the plan has none', async () => {
    const usage = ledger.engine(ledger.scope({ reports: quotaPerMonth(5) }))
    await usage.record('reports')
    expect(await usage.remaining('reports')).toEqual({
      meter: 'reports',
      limit: 5,
      used: 1,
      remaining: 4,
      hard: false,
      period: 'month',
      resetsAt: '2026-12-01T00:00:00.000Z',
    })
    expect(await usage.remaining('bytes')).toBeUndefined()
  })
})

describe('the ledger', () => {
  const step = fc.oneof(
    fc.record({
      kind: fc.constant('record' as const),
      process: fc.integer({ min: 0, max: 2 }),
      quantity: fc.integer({ min: 1, max: 5 }),
      key: fc.option(fc.constantFrom('a', 'b', 'c', 'd'), { nil: undefined }),
      wait: fc.boolean(),
    }),
    fc.record({ kind: fc.constant('reserve' as const), quantity: fc.integer({ min: 1, max: 5 }), keep: fc.boolean() }),
    fc.record({ kind: fc.constant('drain' as const) }),
  )

  it.each([
    ['without a quota', undefined],
    ['under a hard quota', 12],
  ])('has each key once and every unkeyed record, in any interleaving, %s', async (_, limit) => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        const book = await new Ledger().open()
        const quotas = limit === undefined ? {} : { bytes: quotaPerMonth(limit, { hard: true }) }
        const scopes = [0, 1, 2].map(() => book.scope(quotas))
        const processes = scopes.map((scope) => book.engine(scope))
        const keyed = new Map<string, Set<number>>()
        let unkeyed = 0
        const pending: Promise<void>[] = []
        for (const one of steps) {
          if (one.kind === 'drain') await book.drain()
          else if (one.kind === 'reserve') {
            const scope = book.scope(quotas)
            const reservation = await Promise.resolve()
              .then(() => processes[0]?.reserveIn(scope, 'bytes', one.quantity))
              .catch(() => undefined)
            if (!reservation) continue
            await (one.keep ? reservation.keep() : reservation.release())
            await scope.settlePart()
            if (one.keep) unkeyed += one.quantity
          } else {
            const { process, quantity, key } = one
            const call = processes[process]?.record('bytes', quantity, key === undefined ? {} : { key })
            const counted = Promise.resolve(call).then(
              () => {
                if (key === undefined) unkeyed += quantity
                else keyed.set(key, (keyed.get(key) ?? new Set()).add(quantity))
              },
              () => undefined,
            )
            if (one.wait) await counted
            else pending.push(counted)
          }
        }
        await Promise.all(pending)
        await book.drain()
        const reader = book.engine(book.scope())
        const total = (await reader.totals({ meter: 'bytes' })).totals[0]?.quantity ?? 0
        // The first record of a key is the one that counts; which one that is, is the ledger's to say.
        const least = [...keyed.values()].reduce((sum, quantities) => sum + Math.min(...quantities), unkeyed)
        const most = [...keyed.values()].reduce((sum, quantities) => sum + Math.max(...quantities), unkeyed)
        expect(total).toBeGreaterThanOrEqual(least)
        expect(total).toBeLessThanOrEqual(most)
        if (limit === undefined || total === 0) return
        expect(total).toBeLessThanOrEqual(limit)
        // The counter agrees with the ledger: exactly what is left can still be taken.
        if (limit > total) await book.engine(book.scope(quotas)).record('bytes', limit - total)
        await expect(book.engine(book.scope(quotas)).record('bytes', 1)).rejects.toThrow(/QUOTA_EXCEEDED/)
      }),
      { numRuns: 150 },
    )
  })
})
