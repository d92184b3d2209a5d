import createKnex, { type Knex } from 'knex'
import { afterEach, describe, expect, expectTypeOf, test } from 'vitest'
import { type ScopedKnex, scopeKnex } from '../src/scoped-knex/scoped-knex.ts'
import { refusal, rowsOf, type World, world } from './scoped-knex-fixture.ts'

const opened: Knex[] = []

afterEach(async () => {
  await Promise.all(opened.splice(0).map((knex) => knex.destroy()))
})

async function open(): Promise<World> {
  const made = await world()
  opened.push(made.plain)
  return made
}

function memory(config: Partial<Knex.Config> = {}): Knex {
  const knex = createKnex({ client: 'better-sqlite3', connection: ':memory:', useNullAsDefault: true, ...config })
  opened.push(knex)
  return knex
}

describe('a statement belongs to the tenant in whose context it was built', () => {
  test.each(['globex', undefined])('awaited in the context of %s', async (elsewhere) => {
    const { db, as } = await open()
    const select = as('acme', () => db('reports').select('title'))
    const callback = as('acme', () => db('projects').whereIn('id', (q) => q.from('reports').select('project_id')))
    const write = as('acme', () => db('reports').where('id', 1).orWhere('n', 20).update({ title: 'ACME changed' }))
    const results = await as(elsewhere, async () => [await select, await callback, await write])
    expect(results[0]).toHaveLength(4)
    expect(JSON.stringify(results)).not.toContain('GLOBEX')
    expect(results[2]).toBe(2)
  })

  test('a callback that uses the db while the statement compiles', async () => {
    const { db, as } = await open()
    const query = as('acme', () =>
      db('projects').whereIn('id', (q) => q.from(db('reports').as('r')).select('r.project_id')),
    )
    expect(await as('globex', () => query.toSQL().bindings)).toEqual(['acme', 'acme'])
    expect(await as(undefined, () => query.pluck('name'))).toEqual(['ACME project 1', 'ACME project 2'])
  })

  test('two tenants at the same time, each within a transaction of its own', async () => {
    const { db, as } = await open()
    const titles = (tenant: string): Promise<unknown[]> =>
      as(tenant, () =>
        db.transaction(async (trx) => [await trx('reports').first('title'), await trx('projects').first('name')]),
      )
    const [acme, globex] = await Promise.all([titles('acme'), titles('globex')])
    expect(JSON.stringify(acme)).not.toContain('GLOBEX')
    expect(JSON.stringify(globex)).not.toContain('ACME')
  })

  test('cloned outside of any context', async () => {
    const { db, as } = await open()
    const query = as('acme', () => db('reports').where('id', 1))
    expect(await as(undefined, () => query.clone().orWhere('n', '>', 0).pluck('title'))).toHaveLength(4)
  })

  test('a callback that throws leaves nothing behind', async () => {
    const { db, as } = await open()
    const broken = as('acme', () =>
      db('reports').where(() => {
        throw new Error('mine')
      }),
    )
    expect(() => broken.toSQL()).toThrowError('mine')
    expect(() => as(undefined, () => db('reports'))).toThrowError(expect.objectContaining({ code: 'TENANT_REQUIRED' }))
    expect(as('globex', () => db('reports').toSQL().bindings)).toEqual(['globex'])
  })
})

describe('what is sent to the database', () => {
  test('the tenant is a bound parameter in every form', async () => {
    const { db, as } = await open()
    const statements = as("o'brien", () => [
      db('reports').leftJoin('projects', 'projects.id', 'reports.id').where('n', 1).toSQL(),
      db('reports').insert({ id: 1 }).toSQL(),
      db('reports').where('id', 1).update({ n: 1 }).toSQL(),
      db('reports').where('id', 1).del().toSQL(),
    ])
    for (const { sql, bindings } of statements) {
      expect(sql).not.toContain('brien')
      expect(bindings).toContain("o'brien")
    }
    expect(as("o'brien", () => db('reports').toString())).toContain("'o''brien'")
  })

  test('compiling twice gives the same, and leaves the app’s objects as they were', async () => {
    const { db, as } = await open()
    const row = Object.freeze({ id: 9, title: 'x' })
    const change = { title: 'y' }
    const queries = as('acme', () => [
      db('reports').where('id', 1).orWhere('id', 2).union(db('projects').select('name')),
      db('reports').insert(row).onConflict(['tenant_id', 'id']).merge(),
      db('reports').where('id', 1).update(change),
      db('reports').increment('n', 2),
      db('reports').where('id', 1).del(),
    ])
    for (const query of queries) {
      const [first, second] = [query.toSQL(), query.toSQL()]
      expect([second.sql, second.bindings]).toEqual([first.sql, first.bindings])
    }
    expect(change).toEqual({ title: 'y' })
  })

  test('what an object inherits is not assigned, though knex would', async () => {
    const { db, plain, as } = await open()
    const parsed = JSON.parse('{"title":"mine","__proto__":{"tenant_id":"globex","id":99}}') as object
    const inherits = Object.assign(Object.create({ tenant_id: 'globex', id: 98 }), { title: 'mine' })
    await as('acme', async () => {
      await db('reports').where('id', 1).update(parsed)
      await db('reports').insert({ id: 2 }).onConflict(['tenant_id', 'id']).merge(inherits)
    })
    expect(await plain('reports').where('title', 'mine').select('tenant_id', 'id').orderBy('id')).toEqual([
      { tenant_id: 'acme', id: 1 },
      { tenant_id: 'acme', id: 2 },
    ])
  })

  test('the index that begins with the tenant is used, also through a join', async () => {
    const { db, plain, as } = await open()
    const query = as('acme', () =>
      db('reports as r').leftJoin('projects as p', 'p.id', 'r.project_id').where('r.id', 1).toString(),
    )
    const plan: { detail: string }[] = await plain.raw(`explain query plan ${query}`)
    expect(plan).toHaveLength(2)
    for (const { detail } of plan) expect(detail).toMatch(/^SEARCH \w+ USING PRIMARY KEY \(tenant_id=\? AND id=\?\)/)
  })
})

describe('declarations', () => {
  async function events(): Promise<{ plain: Knex; of(org: string): ScopedKnex }> {
    const plain = memory()
    await plain.raw('create table events (org integer not null, id integer, note text)')
    await plain('events').insert([
      { org: 1, id: 1, note: 'one' },
      { org: 2, id: 1, note: 'two' },
    ])
    const options = { tables: { events: { tenantColumn: 'org', type: 'integer' } } } as const
    return { plain, of: (org) => scopeKnex(plain, options, () => org) }
  }

  test('a column and a type of the table’s own', async () => {
    const { plain, of } = await events()
    expect(await of('1')('events').pluck('note')).toEqual(['one'])
    await of('2')('events').insert([
      { id: 2, note: 'new' },
      { id: 3, org: 2 },
      { id: 4, org: '2' },
    ])
    await of('2')('events').where('id', 1).orWhere('id', 2).update({ note: 'changed', org: 2 })
    expect(await plain('events').where('org', 1)).toEqual([{ org: 1, id: 1, note: 'one' }])
    expect(await of('2')('events').pluck('note')).toEqual(['changed', 'changed', null, null])
    expect(await refusal(() => of('2')('events').insert({ org: 1, id: 9 }))).toMatchObject({
      code: 'SCOPE_TENANT_MISMATCH',
    })
  })

  test.each(['01', '1.0', ' 1', '1e0', 'acme', '', '9007199254740993'])(
    'the tenant "%s" is no whole number',
    async (id) => {
      const { of } = await events()
      for (const query of [of(id)('events'), of(id)('events').insert({ id: 1 }), of(id)('events').del()]) {
        expect(await refusal(() => query)).toMatchObject({ code: 'SCOPE_TENANT_MISMATCH' })
      }
    },
  )

  test('names that knex maps: declared as the app writes them', async () => {
    const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
    const plain = memory({ wrapIdentifier: (name, wrap) => wrap(snake(name)) })
    await plain.schema.createTable('userReports', (table) => table.text('tenantId').notNullable())
    await plain('userReports').insert([{ tenantId: 'acme' }, { tenantId: 'globex' }])
    const db = scopeKnex(plain, { tables: ['userReports'], tenantColumn: 'tenantId' }, () => 'acme')
    expect(await db('user_reports as u').select('u.tenantId')).toEqual([{ tenant_id: 'acme' }])
    for (const tenantId of ['tenantId', 'tenant_id', 'reports.tenantId']) {
      const error = await refusal(() => db('userReports').insert({ [tenantId]: 'globex' }))
      expect(error).toMatchObject({ code: 'SCOPE_TENANT_MISMATCH' })
    }
    expect(await refusal(() => db('userReports').whereRaw('1 in user_reports'))).toMatchObject({
      code: 'SCOPE_RAW_REFUSED',
    })
  })

  test('tenants that differ in case stay apart in a column that does not tell them apart', async () => {
    const plain = memory()
    await plain.raw('create table notes (tenant_id text not null collate nocase, body text)')
    await plain('notes').insert([
      { tenant_id: 'acme', body: 'lower' },
      { tenant_id: 'ACME', body: 'upper' },
    ])
    const db = scopeKnex(plain, { tables: ['notes'] }, () => 'acme')
    await db('notes').update({ body: 'changed' })
    expect(await db('notes').pluck('body')).toEqual(['changed'])
    expect(await plain('notes').where('body', 'upper').count({ n: '*' })).toEqual([{ n: 1 }])
  })

  test('a table without the tenant column fails, also where the statement around it has one', async () => {
    const { plain, as } = await open()
    const db = scopeKnex(plain, { tables: ['reports', 'secrets'] }, () => 'acme')
    for (const query of as('acme', () => [
      db('secrets'),
      db('reports').whereExists(db('secrets')),
      db('secrets').del(),
    ])) {
      expect(String(await refusal(() => query))).toContain('no such column: secrets.tenant_id')
    }
  })
})

describe('insert from a select', () => {
  test('goes by name, and the tenant is filled in', async () => {
    const { db, plain, as } = await open()
    const globex = await rowsOf(plain, 'globex')
    await as('acme', async () => {
      await db('reports').insert(
        db('projects').select({ id: db.raw('id + ?', [100]) }, 'projects.name as title') as never,
      )
      await db('reports').insert(((q: Knex.QueryBuilder) =>
        q
          .from('reports')
          .select('title', { id: db.raw('id + 200') })
          .where('id', 1)) as never)
    })
    expect(
      await as('acme', () => db('reports').where('id', '>', 100).orderBy('id').select('id', 'title', 'tenant_id')),
    ).toEqual([
      { id: 101, title: 'ACME project 1', tenant_id: 'acme' },
      { id: 102, title: 'ACME project 2', tenant_id: 'acme' },
      { id: 103, title: 'ACME project 3', tenant_id: 'acme' },
      { id: 201, title: 'ACME report 1', tenant_id: 'acme' },
    ])
    expect(await rowsOf(plain, 'globex')).toEqual(globex)
  })
})

describe('beside the knex it was made of', () => {
  test('one pool, and whoever listens hears every statement', async () => {
    const { db, plain, as } = await open()
    const heard: string[] = []
    const heardHere: string[] = []
    plain.on('query', ({ sql }: { sql: string }) => heard.push(sql))
    db.on('query', ({ sql }: { sql: string }) => heardHere.push(sql))
    await as('acme', () => db.transaction((trx) => trx('reports').pluck('id')))
    await as('acme', () => db('projects').pluck('id'))
    expect(heard).toHaveLength(4)
    expect(heardHere).toEqual(heard)
    expect(db.client.pool).toBe(plain.client.pool)
  })

  test('within a transaction of its', async () => {
    const { plain, as } = await open()
    const before = await rowsOf(plain)
    await refusal(() =>
      plain.transaction(async (trx) => {
        const db = scopeKnex(trx, { tables: ['reports'] }, () => 'acme')
        expect(await db('reports').del()).toBe(4)
        await db.transaction((inner) => inner('reports').insert({ id: 1 }))
        expect(await trx('reports').count({ n: '*' })).toEqual([{ n: 7 }])
        throw new Error('undo')
      }),
    )
    expect(await rowsOf(plain)).toEqual(before)
    expect(as('acme', () => 1)).toBe(1)
  })

  test('with parameters of the user’s', async () => {
    const { db, as } = await open()
    const own = db.withUserParams({ a: 1 })
    expect(await as('acme', () => own('reports').count({ n: '*' }))).toEqual([{ n: 4 }])
    expect(() => as(undefined, () => own('reports'))).toThrowError(expect.objectContaining({ code: 'TENANT_REQUIRED' }))
  })
})

test('types: usable as knex, without what belongs to no tenant', () => {
  interface Report {
    id: number
    title: string
  }
  expectTypeOf<ScopedKnex>().toExtend<Knex>()
  expectTypeOf<ScopedKnex['schema']>().toBeNever()
  const query = (db: ScopedKnex): PromiseLike<Report | undefined> => db<Report>('reports').where('id', 1).first()
  expectTypeOf(query).returns.resolves.toEqualTypeOf<Report | undefined>()
})
