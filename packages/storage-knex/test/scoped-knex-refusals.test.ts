import createKnex, { type Knex } from 'knex'
import { afterAll, describe, expect, test } from 'vitest'
import { scopeKnex } from '../src/scoped-knex/scoped-knex.ts'
import { ENGINES } from './scoped-knex-engines.ts'
import { Databases, refusal, rowsOf, world } from './scoped-knex-fixture.ts'
import type { Refused } from './scoped-knex-form.ts'
import { POSTGRES_REFUSALS } from './scoped-knex-postgres-refusals.ts'

/** Something that knex takes for raw, and whose text is not what it compiles to. */
function forged(sql: string, compiled: string): never {
  return { isRawInstance: true, sql, bindings: [], toSQL: () => ({ sql: compiled, bindings: [] }) } as never
}

const RAW: readonly Refused[] = [
  ['a statement in raw', ({ db }) => db.raw('select * from reports')],
  ['a raw run alone', ({ db }) => db.raw('1')],
  ['a ref run alone', ({ db }) => (db.ref('id') as unknown as PromiseLike<unknown>).then(() => 0)],
  ['a sub-select in whereRaw', ({ db }) => db('reports').whereRaw('id in (select id from projects)')],
  ['a table in whereRaw', ({ db }) => db('reports').whereRaw('id in projects')],
  ['an undeclared table in whereRaw', ({ db }) => db('reports').whereRaw('id in secrets')],
  ['a bound name after in', ({ db }) => db('reports').whereRaw('id in ??', ['secrets'])],
  ['a table named', ({ db }) => db('reports').whereRaw('reports is not null')],
  ['what only looks like raw', ({ db }) => db('reports').select(forged('id', '(select max(title) from reports)'))],
  ['a table quoted', ({ db }) => db('reports').whereRaw('id in "projects"')],
  ['a sub-select in capitals', ({ db }) => db('reports').whereRaw('exists (SELECT 1)')],
  ['a comment', ({ db }) => db('reports').whereRaw('1 = 1 -- ')],
  ['a comment of many lines', ({ db }) => db('reports').whereRaw('1 = 1 /*')],
  ['a second statement', ({ db }) => db('reports').whereRaw('1 = 1; drop table reports')],
  ['a parenthesis closed too early', ({ db }) => db('reports').whereRaw('1 = 1) or (1 = 1').del()],
  ['a parenthesis left open', ({ db }) => db('reports').whereRaw('(1 = 1')],
  ['a quote left open', ({ db }) => db('reports').whereRaw("title = 'x")],
  ['a placeholder inside quotes', ({ db }) => db('reports').whereRaw("title = '??'", ["x' or 1 = 1 or 'a"])],
  ['a union in raw', ({ db }) => db('reports').whereRaw('1 = 1 union all values (1)')],
  ['raw columns', ({ db }) => db('reports').select(db.raw('(select max(title) from reports) as m'))],
  ['raw of another knex', ({ db, plain }) => db('reports').select(plain.raw('(select max(title) from reports) as m'))],
  [
    'raw of another knex, deep',
    ({ db, plain }) => db('reports').where('id', plain.raw('(select max(id) from reports)')),
  ],
  ['raw of another knex, bound in raw', ({ db, plain }) => db('reports').whereRaw('? = 1', [plain.raw('(select 1)')])],
  [
    'raw of another knex in a callback',
    ({ db, plain }) => db('reports').where((q) => q.whereRaw(plain.raw('exists (select 1)'))),
  ],
  [
    'raw of another knex in a join',
    ({ db, plain }) => db('reports').join('projects', (on) => on.on((inner) => inner.on(plain.raw('1 = (select 1)')))),
  ],
  ['raw of another knex in an order', ({ db, plain }) => db('reports').orderBy(plain.raw('(select 1)') as never)],
  [
    'raw of another knex as a limit',
    ({ db, plain }) =>
      db('reports')
        .limit(1)
        .offset(plain.raw('(select 1)') as never),
  ],
  [
    'raw wrapped afterwards',
    ({ db }) => db('reports').select(db.raw('1').wrap('(select max(title) from reports where ', ')')),
  ],
  [
    'a ref wrapped',
    ({ db }) =>
      db('reports').select((db.ref('id') as unknown as { wrap(a: string, b: string): never }).wrap('(select ', ')')),
  ],
  ['fromRaw', ({ db }) => db.fromRaw('reports')],
  ['from raw', ({ db }) => db(db.raw('??', ['reports']) as never)],
  ['from ref', ({ db }) => db(db.ref('reports') as never)],
  ['from raw by alias', ({ db }) => db({ r: db.raw('??', ['reports']) } as never)],
  ['joinRaw', ({ db }) => db('projects').joinRaw(', ??', ['reports'])],
  ['join of raw', ({ db }) => db('projects').join(db.raw('??', ['reports']) as never, 'reports.id', 'projects.id')],
  [
    'a join of another kind',
    ({ db }) =>
      db('projects').join('reports', (on) => on.type('natural, secrets cross').on('reports.id', 'projects.id')),
  ],
  [
    'a direction in a window',
    ({ db }) => db('reports').rank('r', [{ column: 'id', order: 'asc, (select 1)' }] as never),
  ],
  ['with of raw', ({ db, plain }) => db.with('x', plain.raw('select * from reports')).from('x')],
  ['union of raw', ({ db, plain }) => db('reports').union(plain.raw('select * from reports') as never)],
  ['two values in one', ({ db }) => db('reports').update({ title: db.raw("'x', tenant_id = 'globex'") })],
  ['two values in one, inserted', ({ db }) => db('reports').insert({ id: 9, title: db.raw("'x', 'globex'") })],
  [
    'two values in one, merged',
    ({ db }) =>
      db('reports')
        .insert({ id: 1 })
        .onConflict(['tenant_id', 'id'])
        .merge({ title: db.raw("'x', tenant_id = 'globex'") }),
  ],
  ['insert of raw', ({ db }) => db('reports').insert(db.raw('values (1)') as never)],
]

const MISMATCH: readonly Refused[] = [
  ['insert for another', ({ db }) => db('reports').insert({ tenant_id: 'globex', id: 9 })],
  ['insert for another among many', ({ db }) => db('reports').insert([{ id: 8 }, { id: 9, tenant_id: 'globex' }])],
  [
    'insert for another by another spelling',
    ({ db }) => db('reports').insert({ id: 9, ' Tenant_ID ': 'globex' }),
    'sqlite',
  ],
  ['insert for nobody', ({ db }) => db('reports').insert({ id: 9, tenant_id: null })],
  ['insert for whom raw says', ({ db }) => db('reports').insert({ id: 9, tenant_id: db.raw("'acme'") })],
  ['batchInsert for another', ({ db }) => db.batchInsert('reports', [{ id: 8 }, { id: 9, tenant_id: 'globex' }])],
  ['update to another', ({ db }) => db('reports').where('id', 1).update({ tenant_id: 'globex' })],
  ['update to another, qualified', ({ db }) => db('reports').where('id', 1).update({ 'reports.tenant_id': 'globex' })],
  ['update to another, by key', ({ db }) => db('reports').where('id', 1).update('TENANT_ID', 'globex'), 'sqlite'],
  ['increment of the tenant', ({ db }) => db('reports').increment('tenant_id', 1)],
  [
    'merge to another',
    ({ db }) => db('reports').insert({ id: 1 }).onConflict(['tenant_id', 'id']).merge({ tenant_id: 'globex' }),
  ],
  ['insert of a selected tenant', ({ db }) => db('reports').insert(db('projects').select('id', { tenant_id: 'name' }))],
  [
    'a part that another tenant built',
    ({ db, as }) =>
      db('reports').whereIn(
        'id',
        as('globex', () => db('projects').select('id')),
      ),
  ],
  [
    'a union with what another tenant built',
    ({ db, as }) =>
      db('reports')
        .select('title')
        .union(as('globex', () => db('reports').select('title'))),
  ],
  ['a clone of what another tenant built', ({ db, as }) => as('globex', () => db('reports')).clone()],
]

const UNKNOWN: readonly Refused[] = [
  ['select', ({ db }) => db('secrets')],
  ['join', ({ db }) => db('reports').join('secrets', 'secrets.id', 'reports.id')],
  ['sub-query', ({ db }) => db('reports').whereIn('id', db('secrets').select('id'))],
  ['callback', ({ db }) => db('reports').whereExists((q) => q.from('secrets'))],
  [
    'a sub-query of another knex in a window',
    ({ db, plain }) => db('reports').rank('r', plain.raw('order by (?)', [plain('secrets').select('body')])),
  ],
  [
    'a callback in raw of another knex in a window',
    ({ db, plain }) => db('reports').rank('r', plain.raw('order by (?)', [(q: Knex) => q.from('secrets')] as never)),
  ],
  ['derived table', ({ db }) => db({ x: 'secrets' })],
  [
    'union',
    ({ db }) =>
      db('reports')
        .select('id')
        .union((q) => q.from('secrets').select('id')),
  ],
  ['insert', ({ db }) => db('secrets').insert({ id: 2 })],
  ['update', ({ db }) => db('secrets').update({ body: 'x' })],
  ['delete', ({ db }) => db('secrets').del()],
  ['columnInfo', ({ db }) => db('secrets').columnInfo()],
  ['the catalogue', ({ db }) => db('sqlite_master')],
  ['another schema', ({ db }) => db('temp.reports')],
  ['another schema, by withSchema', ({ db }) => db.withSchema('temp').from('reports')],
  [
    'another schema, joined',
    ({ db }) => db.withSchema('temp').from(db('reports').as('r')).join('projects', 'projects.id', 'r.id'),
  ],
  ['quotes in the name', ({ db }) => db('`reports`')],
  ['a name that goes on', ({ db }) => db('reports, secrets')],
  [
    'a CTE before it is made',
    ({ db }) =>
      db
        .with('a', (q) => q.from('b'))
        .with('b', db('reports'))
        .from('a'),
  ],
  ['a CTE in its own body', ({ db }) => db.with('secrets', (q) => q.from('secrets')).from('secrets')],
  [
    'a CTE of another statement',
    ({ db }) =>
      db('reports')
        .whereIn('id', db.with('a', db('reports')).from('a').select('id'))
        .orWhereIn('id', (q) => q.from('a')),
  ],
  ['a CTE by schema', ({ db }) => db.with('a', db('reports')).from('main.a')],
]

const UNSUPPORTED: readonly Refused[] = [
  [
    'a placeholder that is not bound',
    ({ db }) => db('reports').select(db.raw('? as a')).where('title', 'globex'),
    'sqlite',
  ],
  ['a placeholder by number', ({ db }) => db('reports').select(db.raw('?1 as a', ['x'])), 'sqlite'],
  ...[':x', '@x', '$x'].map(
    (name): Refused => [
      `a placeholder by name, ${name}`,
      ({ db }) =>
        db('reports')
          .select(db.raw(`${name} as a`))
          .where('title', 'globex'),
      'sqlite',
    ],
  ),
  [
    'a placeholder by a name that is not bound',
    ({ db }) =>
      db('reports')
        .select(db.raw(':x as a', { y: 1 }))
        .where('title', 'globex'),
    'sqlite',
  ],
  ['truncate', ({ db }) => db('reports').truncate()],
  [
    'truncate, called by name',
    ({ db }) => (db('reports') as unknown as { toSQL(method: string): unknown }).toSQL('truncate'),
  ],
  ['schema', ({ db }) => (db as unknown as { schema: unknown }).schema],
  ['schema in a transaction', ({ db }) => db.transaction(async (trx) => trx.schema.dropTable('reports'))],
  ['destroy', ({ db }) => (db as unknown as { destroy(): unknown }).destroy()],
  ['a CTE named as a table', ({ db }) => db.with('projects', db('reports')).from('projects')],
  ['a CTE named as a table in another case', ({ db }) => db.with('Projects', db('reports')).from('Projects'), 'sqlite'],
  ['a CTE with a schema', ({ db }) => db.with('main.x', db('reports')).from('x')],
  ['insert into a shared table', ({ db }) => db('countries').insert({ code: 'fr' })],
  ['update of a shared table', ({ db }) => db('countries').update({ name: 'x' })],
  ['delete of a shared table', ({ db }) => db('countries').del()],
  [
    'update with a join',
    ({ db }) => db('reports').join('projects', 'projects.id', 'reports.project_id').update({ title: 'x' }),
  ],
  ['delete with a join', ({ db }) => db('reports').join('projects', 'projects.id', 'reports.project_id').del()],
  ['update of a sub-query', ({ db }) => db(db('reports').as('r')).update({ title: 'x' })],
  ['update by alias object', ({ db }) => db({ r: 'reports' }).update({ title: 'x' })],
  ['onConflict without a target', ({ db }) => db('reports').insert({ id: 1 }).onConflict().merge()],
  ['onConflict ignore without a target', ({ db }) => db('reports').insert({ id: 1 }).onConflict().ignore()],
  ['onConflict without the tenant', ({ db }) => db('reports').insert({ id: 1 }).onConflict('id').merge()],
  [
    'onConflict on raw',
    ({ db }) =>
      db('reports')
        .insert({ id: 1 })
        .onConflict(db.raw('(tenant_id, id)') as never)
        .merge(),
  ],
  ['insert from a select of everything', ({ db }) => db('reports').insert(db('projects') as never)],
  ['insert from a select of a star', ({ db }) => db('reports').insert(db('projects').select('projects.*') as never)],
  ['insert from a select of a count', ({ db }) => db('reports').insert(db('projects').count('*') as never)],
  ['insert from a select of raw', ({ db }) => db('reports').insert(db('projects').select(db.raw('1')) as never)],
  ['insert of no object', ({ db }) => db('reports').insert(['x'] as never)],
  ['tables and sub-queries in one object', ({ db }) => db({ r: 'reports', p: db('projects') } as never)],
  ['a table in an object in an object', ({ db }) => db({ r: { x: 'reports' } } as never)],
  ['a part of a plain statement', ({ db, plain }) => plain('countries').whereIn('code', db('reports').select('title'))],
  ['a plain transaction', ({ db, plain }) => plain.transaction((trx) => db('reports').transacting(trx))],
  [
    'a plain statement in a scoped transaction',
    ({ db, plain }) => db.transaction((trx) => plain('reports').transacting(trx)),
  ],
]

const CASES = {
  SCOPE_RAW_REFUSED: RAW,
  SCOPE_TENANT_MISMATCH: MISMATCH,
  SCOPE_TABLE_UNKNOWN: UNKNOWN,
  SCOPE_UNSUPPORTED: UNSUPPORTED,
} as const

describe.each(ENGINES)('on $name', (engine) => {
  const databases = new Databases(engine)
  afterAll(() => databases.destroy())

  for (const [code, cases] of Object.entries(CASES)) {
    const known = [...cases, ...POSTGRES_REFUSALS[code as keyof typeof CASES]]
      .filter(([, , only]) => only === undefined || only === engine.name)
      .map(([name, run]) => ({ name, run }))
    test.each(known)(`${code}: $name`, async ({ run }) => {
      const made = await databases.world()
      const before = await rowsOf(made.plain)
      const error = await refusal(() => made.as('acme', () => run(made)))
      expect(error).toMatchObject({ code })
      expect(await rowsOf(made.plain)).toEqual(before)
    })
  }
})

test('raw that is a statement is refused where it is written', async () => {
  const { db, plain } = await world()
  expect(() => db.raw('select 1')).toThrowError(expect.objectContaining({ code: 'SCOPE_RAW_REFUSED' }))
  await plain.destroy()
})

describe('outside a tenant context', () => {
  test.each<readonly [string, Refused[1]]>([
    ['db(table)', ({ db }) => db('reports')],
    ['db.select', ({ db }) => db.select('*')],
    ['db.with', ({ db }) => db.with('a', (q) => q.from('reports'))],
    ['db.queryBuilder', ({ db }) => db.queryBuilder()],
    ['db.batchInsert', ({ db }) => db.batchInsert('reports', [{ id: 9 }])],
    ['a shared table', ({ db }) => db('countries')],
  ])('%s throws TENANT_REQUIRED as it is called', async (_name, run) => {
    const made = await world()
    expect(() => made.as(undefined, () => run(made))).toThrowError(expect.objectContaining({ code: 'TENANT_REQUIRED' }))
    await made.plain.destroy()
  })

  test('a statement in a transaction is refused, and the transaction is rolled back', async () => {
    const { db, plain, as } = await world()
    const error = await refusal(() => as(undefined, () => db.transaction((trx) => trx('reports').del())))
    expect(error).toMatchObject({ code: 'TENANT_REQUIRED' })
    await plain.destroy()
  })
})

describe('unscoped', () => {
  test('is refused unless the platform is at work', async () => {
    const { db, plain, as } = await world()
    expect(() => as('acme', () => db.unscoped('why'))).toThrowError(
      expect.objectContaining({ code: 'PLATFORM_REASON_REQUIRED' }),
    )
    await plain.destroy()
  })

  test('gives the plain knex to the platform, for a reason', async () => {
    const { plain } = await world()
    const db = scopeKnex(plain, { tables: ['reports'], platform: () => true }, () => undefined)
    expect(() => db.unscoped(' ')).toThrowError(expect.objectContaining({ code: 'PLATFORM_REASON_REQUIRED' }))
    expect(await db.unscoped('TICKET-7')('reports').count({ n: '*' })).toEqual([{ n: 10 }])
    await plain.destroy()
  })
})

describe('options', () => {
  const plain = createKnex({ client: 'better-sqlite3', connection: ':memory:', useNullAsDefault: true })

  test('every mistake is listed at once, with what was meant', async () => {
    const options = { tabels: [], tables: { 'a as b': { tenantColum: 'x' }, c: { type: 'guid' } }, tenantColumn: 'a b' }
    const error = await refusal(() => scopeKnex(plain, options as never, () => undefined))
    expect(error).toMatchObject({ code: 'OPTIONS_INVALID' })
    const { problems } = (error as { details: { problems: string[] } }).details
    expect(problems.join('\n')).toContain('Did you mean "tables"?')
    expect(problems.join('\n')).toContain('Did you mean "tenantColumn"?')
    expect(problems).toHaveLength(6)
  })

  test.each([
    ['no table', { tables: [] }],
    ['one table twice', { tables: ['reports', 'main.REPORTS'] }],
    ['one table both scoped and shared', { tables: ['reports'], shared: ['reports'] }],
  ])('%s is refused', async (_name, options) => {
    expect(await refusal(() => scopeKnex(plain, options, () => undefined))).toMatchObject({ code: 'OPTIONS_INVALID' })
  })

  test('a database that statements are not rewritten for is refused', async () => {
    const other = createKnex({ client: 'better-sqlite3', useNullAsDefault: true })
    Object.defineProperty(other.client, 'dialect', { value: 'mysql' })
    expect(await refusal(() => scopeKnex(other, { tables: ['a'] }, () => undefined))).toMatchObject({
      code: 'OPTIONS_INVALID',
    })
  })

  test('an unknown table says what was meant', async () => {
    const { db, plain: own, as } = await world()
    const error = await refusal(() => as('acme', () => db('report')))
    expect(String(error)).toContain('Did you mean "reports"?')
    await own.destroy()
  })
})
