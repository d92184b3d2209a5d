import { type Refused, untyped } from './scoped-knex-form.ts'

function only(cases: readonly (readonly [string, Refused[1]])[]): readonly Refused[] {
  return cases.map(([name, run]) => [name, run, 'postgres'] as const)
}

const RAW: readonly Refused[] = only([
  ['a copy', ({ db }) => db.raw('copy reports to stdout')],
  ['a copy in a part', ({ db }) => db('reports').select(db.raw('copy'))],
  ['a second statement after a raw', ({ db }) => db('reports').select(db.raw('1; copy reports to stdout'))],
  ['a word that follows a number at once', ({ db }) => db.select(db.raw('body, 1from secrets'))],
  ['a word that follows a number with an exponent', ({ db }) => db.select(db.raw('body, .5e-1from secrets'))],
  ['a function that runs text', ({ db }) => db('reports').select(db.raw("query_to_xml('x', true, true, '')"))],
  ['its name with a schema', ({ db }) => db('reports').select(db.raw("pg_catalog.query_to_xml('x', true, true, '')"))],
  ['its name in quotes', ({ db }) => db('reports').select(db.raw(`"query_to_xml"('x', true, true, '')`))],
  ['its name in capitals', ({ db }) => db('reports').whereRaw("QUERY_TO_XML ('x', true, true, '') is not null")],
  ['its name bound', ({ db }) => db('reports').select(db.raw("??('x', true, true, '')", ['query_to_xml']))],
  ['its name bound by name', ({ db }) => db('reports').select(db.raw(":fn:('x')", { fn: 'query_to_xml' }))],
  ['a table as text', ({ db }) => db('reports').select(db.raw("table_to_xml('x', true, true, '')"))],
  ['a file', ({ db }) => db('reports').select(db.raw("pg_read_file('x')"))],
  ['another database', ({ db }) => db('reports').select(db.raw("dblink('x', 'y')"))],
  ['a setting', ({ db }) => db('reports').select(db.raw("set_config('search_path', 'x', false)"))],
  ['a function that nobody declared', ({ db }) => db('reports').select(db.raw('all_titles()'))],
  ['a known name in another schema', ({ db }) => db('reports').select(db.raw('other.lower(title)'))],
  ['a dollar quote', ({ db }) => db('reports').whereRaw('title = $$x$$')],
  ['a parameter by number', ({ db }) => db('reports').whereRaw('tenant_id <> $1')],
  ['an escape in a string', ({ db }) => db('reports').whereRaw("title = E'\\'' or true or title = ' '")],
  ['an escape in an identifier', ({ db }) => db('reports').whereRaw('U&"\\0069d" = 1')],
  ['an escape of its own', ({ db }) => db('reports').whereRaw(`U&"!0069d" uescape '!' = 1`)],
  ['a question mark without a binding', ({ db }) => db('reports').whereRaw("data ? 'mark'")],
  ['a question mark in a string', ({ db }) => db('reports').whereRaw("title = 'why?'")],
  ['a question mark beside names', ({ db }) => db('reports').whereRaw('data ? :key', { key: 'mark' })],
  ['a binding that is no list', ({ db }) => db('reports').whereRaw('title > ?', new Date(0) as never)],
  ['a bracket left open', ({ db }) => db('reports').select(db.raw('array[1'))],
  ['brackets crossed', ({ db }) => db('reports').select(db.raw('array[(1])'))],
  ['the table as a statement', ({ db }) => db('reports').whereRaw('(table reports) is null')],
  ['lateral in raw', ({ db }) => db('reports').select(db.raw('lateral'))],
  ['a lateral join', ({ db }) => db('projects').joinRaw('cross join lateral (?) as x', [db('reports') as never])],
  ['a join of lateral raw', ({ db }) => db('projects').crossJoin(db.raw('lateral (?) as x', [db('reports')]) as never)],
  ['a table function in raw', ({ db }) => db(db.raw("json_to_recordset('[]') as x(id int)") as never)],
  [
    'update from raw',
    ({ db }) =>
      db('reports')
        .updateFrom(db.raw('??', ['secrets']) as never)
        .update({ n: 1 } as never),
  ],
  [
    'update from raw by alias',
    ({ db }) =>
      db('reports')
        .updateFrom({ s: db.raw('??', ['secrets']) } as never)
        .update({ n: 1 } as never),
  ],
  [
    'delete using raw',
    ({ db }) =>
      db('reports')
        .using(db.raw('??', ['secrets']) as never)
        .del(),
  ],
  [
    'delete using raw in a list',
    ({ db }) =>
      db('reports')
        .using([db.raw('??', ['secrets'])] as never)
        .del(),
  ],
  ['what follows nulls', ({ db }) => db('reports').orderBy('id', 'asc', 'last, (select 1)' as never)],
  ['a group that is raw', ({ db }) => untyped(db('reports')).whereWrapped(db.raw("'     exists (select 1) '"))],
  ['a CTE that writes by raw', ({ db, plain }) => db.with('x', plain.raw('delete from reports returning *')).from('x')],
  [
    'returning by raw',
    ({ db }) =>
      db('reports')
        .where('id', 1)
        .update({ n: 1 })
        .returning(db.raw('(select 1)') as never),
  ],
])

const MISMATCH: readonly Refused[] = only([
  [
    'a CTE that inserts for another',
    ({ db }) => db.with('x', db('reports').insert({ id: 9, tenant_id: 'globex' }).returning('*')).from('x'),
  ],
  [
    'a CTE that gives rows away',
    ({ db }) => db.with('x', (q) => q.from('reports').update({ tenant_id: 'globex' }).returning('*')).from('x'),
  ],
  [
    'update from, to another',
    ({ db }) =>
      db('reports')
        .updateFrom('projects')
        .update({ tenant_id: db.ref('projects.name') }),
  ],
  [
    'update from what another tenant built',
    ({ db, as }) =>
      db('reports')
        .updateFrom(as('globex', () => db('projects').as('p')) as never)
        .update({ n: 1 } as never),
  ],
  [
    'delete using what another tenant built',
    ({ db, as }) =>
      db('reports')
        .using(as('globex', () => db('projects').as('p')) as never)
        .del(),
  ],
  ['update of a place in the tenant', ({ db }) => db('reports').update({ 'tenant_id[1]': 'g' })],
])

const UNKNOWN: readonly Refused[] = only([
  [
    'update from',
    ({ db }) =>
      db('reports')
        .updateFrom('secrets')
        .update({ title: db.ref('secrets.body') }),
  ],
  [
    'update from a sub-query',
    ({ db }) =>
      db('reports')
        .updateFrom(db('secrets').as('s') as never)
        .update({ title: db.ref('s.body') } as never),
  ],
  ['update from more than one', ({ db }) => db('reports').updateFrom('projects, secrets').update({ n: 1 })],
  [
    'delete using',
    ({ db }) =>
      db('reports')
        .using('secrets' as never)
        .del(),
  ],
  [
    'delete using, in a list',
    ({ db }) =>
      db('reports')
        .using(['projects', 'secrets'] as never)
        .del(),
  ],
  ['a table function', ({ db }) => db('generate_series(1, 3)')],
  ['a lateral join by name', ({ db }) => db('reports').crossJoin('lateral secrets' as never)],
  ['another case', ({ db }) => db('Reports')],
  ['a schema that is not declared', ({ db }) => db('public.reports')],
  ['a schema that is not declared, by withSchema', ({ db }) => db.withSchema('public').from('reports')],
  ['the catalogue of tables', ({ db }) => db('pg_class')],
  ['the schema of information', ({ db }) => db('information_schema.tables')],
  ['a place in a table', ({ db }) => db('reports[0]')],
  ['a placeholder in an alias', ({ db }) => db('reports as r?')],
  ['an alias that would be cut off', ({ db }) => db(`reports as ${'r'.repeat(64)}`)],
  ['a CTE that writes', ({ db }) => db.with('x', db('secrets').update({ body: 'x' }).returning('*')).from('x')],
  ['a CTE in another case', ({ db }) => db.with('Recent', db('reports')).from('recent')],
])

const UNSUPPORTED: readonly Refused[] = only([
  ['another text for the driver', ({ db }) => db('reports').options({ text: 'select * from reports' })],
  ['other values for the driver', ({ db }) => db('reports').options({ values: ['globex'] })],
  ['another query for the driver', ({ db }) => db('reports').options({ submit: () => undefined })],
  ['a placeholder in a column', ({ db }) => db('reports').select('id as id?')],
  [
    'a placeholder in a column, made up for by a binding without one',
    ({ db }) =>
      db('reports')
        .select('id as id?')
        .whereRaw('true', new Date(0) as never),
  ],
  ['a placeholder in a bound name', ({ db }) => db('reports').whereRaw('?? = 1', ['id?'])],
  ['a placeholder in what is written out', ({ db }) => db('reports').rank('r', db.raw('order by ?', ['why?']))],
  ['a binding too many', ({ db }) => db('reports').whereRaw('true', new Date(0) as never)],
  ['a CTE that writes to a shared table', ({ db }) => db.with('x', db('countries').del('*')).from('x')],
  ['a CTE with a name that is cut off', ({ db }) => db.with('x'.repeat(64), db('reports')).from('x'.repeat(64))],
  [
    'onConflict on the id, returning all',
    ({ db }) => db('reports').insert({ id: 5 }).onConflict('id').merge().returning('*'),
  ],
  [
    'onConflict of an insert from a select',
    ({ db }) =>
      db('reports')
        .insert(db('projects').select('id') as never)
        .onConflict(['tenant_id', 'id'])
        .merge({ n: 1 }),
  ],
])

export const POSTGRES_REFUSALS = {
  SCOPE_RAW_REFUSED: RAW,
  SCOPE_TENANT_MISMATCH: MISMATCH,
  SCOPE_TABLE_UNKNOWN: UNKNOWN,
  SCOPE_UNSUPPORTED: UNSUPPORTED,
} as const
