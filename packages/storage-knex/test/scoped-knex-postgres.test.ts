import type { Knex } from 'knex'
import { afterEach, describe, expect, test } from 'vitest'
import type { ScopedKnexOptions } from '../src/scoped-knex/options.ts'
import { type ScopedKnex, scopeKnex } from '../src/scoped-knex/scoped-knex.ts'
import { type Engine, POSTGRES } from './scoped-knex-engines.ts'
import { refusal, rowsOf, type World, world } from './scoped-knex-fixture.ts'

const opened: Knex[] = []

afterEach(async () => {
  for (const knex of opened.splice(0)) await knex.destroy()
})

const ACME = '0a000000-0000-4000-8000-000000000001'
const GLOBEX = '0a000000-0000-4000-8000-000000000002'

describe.skipIf(POSTGRES === undefined)('on Postgres', () => {
  const engine = POSTGRES as Engine

  async function open(): Promise<World> {
    const made = await world(undefined, engine)
    opened.push(made.plain)
    return made
  }

  /** An empty schema with the given tables, and the db of each tenant on it. */
  async function declared(ddl: string, options: ScopedKnexOptions, config: Partial<Knex.Config> = {}) {
    const plain = await engine.open(config)
    opened.push(plain)
    await plain.raw(ddl)
    return { plain, of: (tenant: string): ScopedKnex => scopeKnex(plain, options, () => tenant) }
  }

  test('the tenant is a bound parameter of the column’s type', async () => {
    const { db, as } = await open()
    const { sql, bindings } = as("o'brien", () =>
      db('reports').leftJoin('projects', 'projects.id', 'reports.id').where('n', 1).toSQL().toNative(),
    )
    expect(sql).toContain('"reports"."tenant_id" = $1::text')
    expect(sql).toContain('"projects"."tenant_id" = $2::text')
    expect(bindings).toEqual(["o'brien", "o'brien", 1])
  })

  test('the index that begins with the tenant is used, also through a join', async () => {
    const { db, plain, as } = await open()
    const query = as('acme', () =>
      db('reports as r').leftJoin('projects as p', 'p.id', 'r.project_id').where('r.id', 1).toString(),
    )
    const plan = await plain.transaction(async (trx) => {
      await trx.raw('set local enable_seqscan = off')
      await trx.raw('set local enable_bitmapscan = off')
      return JSON.stringify((await trx.raw(`explain ${query}`)).rows)
    })
    expect(plan).toMatch(/reports_pkey on reports.*Index Cond: \(\(tenant_id = 'acme'::text\) AND \(id = 1\)\)/)
    expect(plan).toMatch(/projects_pkey on projects.*Index Cond: \(\(?tenant_id = 'acme'::text\)/)
  })

  test('a conflict on a key without the tenant neither changes nor returns another’s row', async () => {
    const ddl = `create table notes (id integer primary key, tenant_id text not null, body text, unique (tenant_id, id));
      insert into notes values (1, 'globex', 'theirs'), (2, 'acme', 'mine')`
    const { plain, of } = await declared(ddl, { tables: ['notes'] })
    const note = { id: 1, body: 'taken' }
    const attempts = [
      () => of('acme')('notes').insert(note).onConflict('id').merge().returning('*'),
      () => of('acme')('notes').insert(note).onConflict(['id']).ignore().returning('*'),
      () => of('acme')('notes').insert(note).onConflict().ignore().returning('*'),
      () => of('acme')('notes').insert(note).onConflict(['tenant_id', 'id']).merge().returning('*'),
      () => of('acme')('notes').insert(note).returning('*'),
    ]
    const codes = await Promise.all(attempts.map(async (run) => Reflect.get(Object(await refusal(run)), 'code')))
    expect(codes).toEqual(['SCOPE_UNSUPPORTED', 'SCOPE_UNSUPPORTED', 'SCOPE_UNSUPPORTED', '23505', '23505'])
    expect(await plain('notes').where('tenant_id', 'globex')).toEqual([{ id: 1, tenant_id: 'globex', body: 'theirs' }])
    const merged = await of('acme')('notes')
      .insert({ id: 2, body: 'new' })
      .onConflict(['tenant_id', 'id'])
      .ignore()
      .returning('*')
    expect(merged).toEqual([])
  })

  test('tenants that are UUIDs', async () => {
    const ddl = `create table docs (org uuid not null, id integer, body text);
      insert into docs values ('${ACME}', 1, 'acme'), ('${GLOBEX}', 1, 'globex')`
    const { plain, of } = await declared(ddl, { tables: { docs: { tenantColumn: 'org', type: 'uuid' } } })
    const acme = of(ACME)
    expect(await acme('docs').pluck('body')).toEqual(['acme'])
    await acme('docs').insert([{ id: 2 }, { id: 3, org: ACME.toUpperCase() }])
    await acme('docs').insert(
      acme('docs')
        .where('id', 1)
        .select('body', { id: acme.raw('9') }) as never,
    )
    expect(await acme('docs').where('id', 1).orWhere('id', '>', 0).update({ body: 'changed' })).toBe(4)
    expect(await plain('docs').where('org', GLOBEX)).toEqual([{ org: GLOBEX, id: 1, body: 'globex' }])
    for (const id of [ACME.toUpperCase(), ` ${ACME}`, `{${ACME}}`, ACME.replaceAll('-', ''), 'acme']) {
      expect(await refusal(() => of(id)('docs'))).toMatchObject({ code: 'SCOPE_TENANT_MISMATCH' })
    }
    expect(await refusal(() => of(ACME)('docs').insert({ org: GLOBEX }))).toMatchObject({
      code: 'SCOPE_TENANT_MISMATCH',
    })
  })

  test('tenants that are whole numbers, in columns of two sizes', async () => {
    const ddl = `create table small (org integer not null, id integer); create table big (org bigint not null, id integer);
      insert into small values (1, 1), (2, 1); insert into big values (1, 1), (2, 1)`
    const options = { tables: { small: { type: 'integer' }, big: { type: 'integer' } }, tenantColumn: 'org' } as const
    const { plain, of } = await declared(ddl, options)
    const one = of('1')
    await one('big').insert(one('small').select('id') as never)
    expect(
      await one('small')
        .join('big', 'big.id', 'small.id')
        .update({ id: 2 })
        .catch(() => 'refused'),
    ).toBe('refused')
    expect(await one('small').updateFrom('big').where('big.id', 1).update({ id: 5 })).toBe(1)
    expect(await plain('small').where('org', 2)).toEqual([{ org: 2, id: 1 }])
    expect(await of('4294967297')('small')).toEqual([])
    expect(await refusal(() => of('01')('small'))).toMatchObject({ code: 'SCOPE_TENANT_MISMATCH' })
  })

  test('a column of another type than was declared fails', async () => {
    const ddl = 'create table a (tenant_id uuid); create table b (tenant_id integer); create table c (tenant_id text)'
    const { of } = await declared(ddl, { tables: { a: {}, b: {}, c: { type: 'integer' } } })
    for (const name of ['a', 'b', 'c']) expect(await refusal(() => of('1')(name))).toMatchObject({ code: '42883' })
  })

  test('tenants that differ in case stay apart in a column that does not tell them apart', async () => {
    const { plain } = await open()
    const error = await refusal(() =>
      plain.transaction(async (trx) => {
        await trx.raw('create extension citext')
        await trx.raw('create table notes (tenant_id citext not null, body text)')
        await trx.raw("insert into notes values ('acme', 'lower'), ('ACME', 'upper')")
        expect(await trx('notes').where('tenant_id', 'acme')).toHaveLength(2)
        await scopeKnex(trx, { tables: ['notes'] }, () => 'acme')('notes').update({ body: 'changed' })
        expect(await trx('notes').orderBy('body').pluck('body')).toEqual(['changed', 'upper'])
        // An extension belongs to the whole database: undone, it is in nobody's way.
        throw new Error('undo')
      }),
    )
    expect(error).toMatchObject({ message: 'undo' })
  })

  test('tables in schemas: each is the one that was declared', async () => {
    const { plain } = await open()
    const [{ schema }] = (await plain.raw('select current_schema() as schema')).rows
    const db = scopeKnex(plain, { tables: [`${schema}.reports`, `${schema}.projects`] }, () => 'acme')
    const rows = await db
      .withSchema(schema)
      .from('reports as r')
      .join('projects as p', 'p.id', 'r.project_id')
      .select('r.title', 'p.name')
    expect(rows).toHaveLength(3)
    expect(JSON.stringify(rows)).not.toContain('GLOBEX')
    await db(`${schema}.reports`).insert({ id: 1, title: 'x' }).onConflict(['tenant_id', 'id']).merge().returning('*')
    expect(await db.withSchema(schema).from('reports').where('id', 1).orWhere('n', '>', 0).del()).toBe(4)
    expect((await rowsOf(plain, 'globex')).reports).toHaveLength(6)
    expect(await refusal(() => db('reports'))).toMatchObject({ code: 'SCOPE_TABLE_UNKNOWN' })
  })

  test('functions of the app’s own run once they are declared', async () => {
    const { plain } = await open()
    await plain.raw("create function shout(text) returns text language sql as $$ select upper($1) || '!' $$")
    const db = scopeKnex(plain, { tables: ['reports'], functions: ['shout'] }, () => 'acme')
    expect(await db('reports').where('id', 1).select(db.raw('shout(title) as t'))).toEqual([{ t: 'ACME REPORT 1!' }])
    const error = await refusal(() => scopeKnex(plain, { tables: ['reports'], functions: ['a b'] }, () => 'acme'))
    expect(error).toMatchObject({ code: 'OPTIONS_INVALID' })
  })

  test('an insert from a select returns what it made', async () => {
    const { db, as } = await open()
    const made = await as('acme', () =>
      db('reports')
        .insert(db('projects').select({ id: db.raw('id + ?', [100]) }, 'name as title') as never)
        .returning(['tenant_id', 'title']),
    )
    expect(made).toHaveLength(3)
    for (const row of made) expect(row).toMatchObject({ tenant_id: 'acme', title: expect.stringMatching(/^ACME/) })
  })

  test('within a transaction of plain knex', async () => {
    const { plain } = await open()
    const before = await rowsOf(plain)
    const error = await refusal(() =>
      plain.transaction(async (trx) => {
        const db = scopeKnex(trx, { tables: ['reports'] }, () => 'acme')
        expect(await db('reports').del()).toBe(4)
        await db.transaction((inner) => inner('reports').insert({ id: 1 }))
        expect(await trx('reports').count({ n: '*' })).toEqual([{ n: '7' }])
        throw new Error('undo')
      }),
    )
    expect(error).toMatchObject({ message: 'undo' })
    expect(await rowsOf(plain)).toEqual(before)
  })

  test('a statement that is refused in a transaction leaves none open', async () => {
    const { db, plain, as } = await open()
    const foreign = () => as('acme', () => db.transaction((trx) => plain('reports').transacting(trx)))
    // As often as the pool has connections: the next would wait for one.
    for (let i = 0; i < 3; i++) expect(await refusal(foreign)).toMatchObject({ code: 'SCOPE_UNSUPPORTED' })
    expect(await as('acme', () => db('reports').pluck('id'))).toHaveLength(4)
  })

  test('a name that would be cut off to the tenant column’s is that column', async () => {
    const column = 't'.repeat(63)
    const ddl = `create table notes (${column} text not null, id integer)`
    const { of } = await declared(ddl, { tables: ['notes'], tenantColumn: column })
    const error = await refusal(() => of('acme')('notes').insert({ id: 1, [`${column}x`]: 'globex' }))
    expect(error).toMatchObject({ code: 'SCOPE_TENANT_MISMATCH' })
    const tooLong = { tables: ['notes'], tenantColumn: `${column}x` }
    const plain = opened[0] as Knex
    expect(await refusal(() => scopeKnex(plain, tooLong, () => 'acme'))).toMatchObject({ code: 'OPTIONS_INVALID' })
  })
})
