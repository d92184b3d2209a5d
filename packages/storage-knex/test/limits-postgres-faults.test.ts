import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { eventually, held, NOW, rate, requestOf, take, window } from './limits-asked.ts'
import { type LimitsScratch, limitsScratch, service } from './limits-scratch.ts'
import { silentProxy } from './silent-proxy.ts'

const UNAVAILABLE = { code: 'RECORDS_UNAVAILABLE' }

describe.runIf(service.isReachable)('limits on Postgres, in use', () => {
  let scratch: LimitsScratch

  beforeEach(async () => {
    scratch = await limitsScratch()
  })
  afterEach(() => scratch.destroy())

  it('decide any number of policies in one statement, and what comes meanwhile in the next one', async () => {
    const statements: string[] = []
    const limits = scratch.limits({ clock: 'caller', onStatement: (sql) => statements.push(sql) })
    await limits.open()
    statements.length = 0
    const { granted, decisions } = await limits.decide(requestOf([rate('a'), window('b'), held('c')]), NOW)
    expect([granted, decisions.length]).toEqual([1, 3])
    expect(statements).toHaveLength(1)
    const answers = await Promise.all(Array.from({ length: 30 }, () => take(limits, rate('a'))))
    expect(answers.filter((units) => units === 1)).toHaveLength(9)
    expect(statements.length).toBeLessThanOrEqual(3)
  })

  it('have all their connections once they are open, each of which says that the schema is in use', async () => {
    await scratch.limits().open()
    const [locks] = await scratch.query<{ n: string }>(
      `SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock'
       AND (classid::bigint << 32 | objid::bigint) = hashtextextended('throughline ' || $1, 1)`,
      [scratch.schema],
    )
    expect(locks?.n).toBe('4')
    expect(
      await scratch.query('SELECT 1 FROM throughline_limits UNION ALL SELECT 1 FROM throughline_limit_leases'),
    ).toEqual([])
  })

  it('go by the server’s clock unless told', async () => {
    const limits = scratch.limits()
    expect(await take(limits, rate('a', { capacity: 1_000 }), { now: 0 })).toBe(1)
    expect(await take(limits, rate('a', { capacity: 1_000 }), { now: Number.MAX_SAFE_INTEGER })).toBe(0)
    const [row] = await scratch.query<{ ahead: string }>(
      'SELECT abs(extract(epoch FROM clock_timestamp()) * 1000 - changed_at)::bigint AS ahead FROM throughline_limits',
    )
    expect(Number(row?.ahead)).toBeLessThan(10_000)
  })

  it('wait for no disk, write a row once, and change no column of an index', async () => {
    const limits = scratch.limits({ clock: 'caller' })
    await limits.open()
    await scratch.query(`CREATE TABLE seen (setting text);
      CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS $fn$ BEGIN
        INSERT INTO ${scratch.schema}.seen VALUES (current_setting('synchronous_commit'));
        RETURN NULL;
      END $fn$;
      CREATE TRIGGER see AFTER INSERT OR UPDATE ON throughline_limits FOR EACH ROW EXECUTE FUNCTION see()`)
    for (let i = 0; i < 2; i++) await take(limits, rate('a'))
    expect(await scratch.query('SELECT setting FROM seen')).toEqual([{ setting: 'off' }, { setting: 'off' }])
    // What comes at once writes a row once.
    await Promise.all(Array.from({ length: 20 }, () => take(limits, rate('b'))))
    expect(await scratch.query('SELECT setting FROM seen')).toHaveLength(3)
    const indexes = await scratch.query<{ definition: string }>(
      `SELECT regexp_replace(indexdef, '.* USING ', '') AS definition FROM pg_indexes
       WHERE schemaname = $1 AND tablename LIKE 'throughline_limit%' ORDER BY 1`,
      [scratch.schema],
    )
    expect(indexes.map(({ definition }) => definition)).toEqual([
      'btree (tenant_id, key)',
      'btree (tenant_id, key, lease)',
    ])
  })

  it('keep keys of any length, and apart', async () => {
    const limits = scratch.limits({ clock: 'caller' })
    // Nothing that could be compressed.
    const long = randomBytes(5_000).toString('hex')
    for (const name of [`${long}a`, `${long}b`]) {
      expect(await take(limits, rate(name), { units: 10 })).toBe(10)
      expect(await take(limits, rate(name))).toBe(0)
    }
  })

  it('remove what is over, a few rows at a time, and nothing else', async () => {
    const limits = scratch.limits({ clock: 'caller' })
    const many = Array.from({ length: 300 }, (_, i) => i)
    await Promise.all(many.map((i) => take(limits, rate(`old-${i}`))))
    await Promise.all(many.map((i) => take(limits, held(`old-${i}`), { lease: 'a' })))
    const slow = rate('new', { weight: 1_000_000, capacity: 10_000_000 })
    expect(await take(limits, slow, { units: 5 })).toBe(5)
    const rows = async () =>
      (
        await scratch.query<{ n: string }>(
          'SELECT (SELECT count(*) FROM throughline_limits) + (SELECT count(*) FROM throughline_limit_leases) AS n',
        )
      )[0]?.n
    expect(Number(await rows())).toBe(601)
    // A minute after the last of them ended.
    const now = NOW + 121_000
    await eventually(async () => {
      await Promise.all(Array.from({ length: 250 }, () => take(limits, rate('busy'), { now })))
      expect(Number(await rows())).toBe(2)
    })
    expect(await take(limits, slow, { now, units: 9, mode: 'partial' })).toBe(5)
  }, 60_000)

  it('make their tables when they are first needed, once for all who ask at once, and anew when they were taken away', async () => {
    const all = Array.from({ length: 4 }, () => scratch.limits({ clock: 'caller', answerWithinMs: 20_000 }))
    const answers = await Promise.all(all.flatMap((limits) => [0, 1, 2, 3].map(() => take(limits, rate('a')))))
    expect(answers.filter((units) => units === 1)).toHaveLength(10)
    await scratch.query(`DROP SCHEMA ${scratch.schema} CASCADE`)
    const [limits] = all as [(typeof all)[number]]
    await expect(take(limits, rate('a'))).rejects.toMatchObject(UNAVAILABLE)
    expect(await eventually(() => take(limits, rate('a')))).toBe(1)
  })

  it('only look for them where told', async () => {
    const limits = scratch.limits()
    await expect(limits.open({ migrate: 'check' })).rejects.toMatchObject({
      code: 'STORAGE_SCHEMA_OUTDATED',
      details: { missing: ['005-limits'] },
    })
    expect(await scratch.query('SELECT 1 FROM pg_namespace WHERE nspname = $1', [scratch.schema])).toEqual([])
    await scratch.limits().open()
    await limits.open({ migrate: 'check' })
    expect(await scratch.query('SELECT name, feature FROM throughline_migrations')).toEqual([
      { name: '005-limits', feature: 'limits' },
    ])
  })

  it('are made by the owner’s role and decided by the app’s, which may no more than that', async () => {
    const role = `tl_app_${randomBytes(6).toString('hex')}`
    await scratch.query(`CREATE ROLE ${role} LOGIN PASSWORD 'tl'`)
    try {
      const url = new URL(service.url)
      url.username = role
      url.password = 'tl'
      const app = scratch.appAt(url.href)
      const alone = scratch.limits({ app })
      await expect(alone.open()).rejects.toMatchObject({ code: 'STORAGE_SCHEMA_OUTDATED' })
      await expect(take(alone, rate('a'))).rejects.toMatchObject({ code: 'STORAGE_SCHEMA_OUTDATED' })
      const limits = scratch.limits({ app, migrate: scratch.app })
      await limits.open()
      const all = [rate('a'), window('b'), held('c')]
      const request = requestOf(all, { lease: 'l', units: 2 })
      expect((await limits.decide(request, 0)).granted).toBe(2)
      expect(await limits.renew(request, 0)).toBe(true)
      await limits.refund(request, 0)
      expect((await limits.decide({ ...request, units: 3 }, 0)).granted).toBe(3)
      for (const statement of ['DROP TABLE throughline_limits', 'CREATE TABLE other (a int)']) {
        const asked = app.raw(`SET search_path TO ${scratch.schema}; ${statement}`)
        await expect(asked, statement).rejects.toThrow(/must be owner|permission denied/)
      }
      expect(await eventually(() => take(alone, rate('b')))).toBe(1)
      await Promise.all([alone.close(), limits.close(), app.destroy()])
    } finally {
      await scratch.query(`DROP OWNED BY ${role}; DROP ROLE ${role}`).catch(() => undefined)
    }
  })

  it('see what others have committed, whatever the database isolates transactions by', async () => {
    await scratch.limits().open()
    const url = new URL(service.url)
    url.searchParams.set('options', '-c default_transaction_isolation=serializable')
    const limits = scratch.limits({ app: scratch.appAt(url.href) })
    expect(await Promise.all(Array.from({ length: 4 }, () => take(limits, rate('a'))))).toEqual([1, 1, 1, 1])
    const { schema } = scratch
    const asked = scratch.app.transaction(
      (trx) => trx.raw(`SET LOCAL search_path TO ${schema}; SELECT throughline_limit_begin(ARRAY['a'])`),
      { isolationLevel: 'repeatable read' },
    )
    await expect(asked).rejects.toThrow('READ COMMITTED')
  })

  it('reject soon when the server is silent, refuse nobody for it, and go on by themselves', async () => {
    const target = new URL(service.url)
    const proxy = await silentProxy(new URL(`postgres://${target.hostname}:${target.port || 5432}`))
    try {
      const near = new URL(service.url)
      near.port = String(proxy.port)
      const limits = scratch.limits({ app: scratch.appAt(near.href), clock: 'caller', answerWithinMs: 1_000 })
      await limits.open()
      expect(await take(limits, rate('a'))).toBe(1)
      proxy.silence()
      const from = performance.now()
      const asked = await Promise.allSettled(Array.from({ length: 200 }, () => take(limits, rate('a'))))
      expect(performance.now() - from).toBeLessThan(3_000)
      expect(asked.filter(({ status }) => status === 'fulfilled')).toEqual([])
      expect(asked[0]).toMatchObject({ reason: UNAVAILABLE })
      expect(String((asked[0] as PromiseRejectedResult).reason.message)).toContain('limits database')
      proxy.speak()
      expect(await eventually(() => take(limits, rate('other')))).toBe(1)
      await limits.close()
    } finally {
      await proxy.close()
    }
  })

  it('reject while nothing listens, and when their connections are cut off, and go on by themselves', async () => {
    const nowhere = scratch.limits({ app: scratch.appAt('postgres://root@127.0.0.1:1/test') })
    await expect(take(nowhere, rate('a'))).rejects.toMatchObject({
      ...UNAVAILABLE,
      details: { postgres: 'ECONNREFUSED' },
    })
    const limits = scratch.limits({ clock: 'caller' })
    await limits.open()
    const [lock] = await scratch.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
    await scratch.query('BEGIN')
    await scratch.query('LOCK TABLE throughline_limits IN ACCESS EXCLUSIVE MODE')
    const waiting = take(limits, rate('a')).catch((error: unknown) => error)
    await eventually(async () => {
      // Within a transaction the activity is what it was when it was first looked at.
      await scratch.query('SELECT pg_stat_clear_snapshot()')
      const cut = await scratch.query(
        `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
         WHERE $1 = ANY (pg_blocking_pids(pid)) AND query LIKE '%throughline_limit_decide%'`,
        [lock?.pid],
      )
      expect(cut).toHaveLength(1)
    })
    expect(await waiting).toMatchObject(UNAVAILABLE)
    await scratch.query('COMMIT')
    expect(await eventually(() => take(limits, rate('a'), { units: 10 }))).toBe(10)
  })

  it('say that they are closed', async () => {
    const limits = scratch.limits()
    await limits.open()
    await Promise.all([limits.close(), limits.close()])
    await expect(take(limits, rate('a'))).rejects.toMatchObject({ code: 'CLOSED' })
    const unused = scratch.limits()
    await unused.close()
    await expect(take(unused, rate('a'))).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
