import type { Knex } from 'knex'
import { type Form, untyped } from './scoped-knex-form.ts'

/** Forms that Postgres alone knows, for the one matrix. */
function only(forms: readonly (readonly [string, Form[1]])[]): readonly Form[] {
  return forms.map(([name, run]) => [name, run, 'postgres'] as const)
}

export const POSTGRES_READS: readonly Form[] = only([
  ['distinctOn', (db) => db('reports').distinctOn('status').orderBy(['status', 'id'])],
  [
    'distinctOn through a join',
    (db) =>
      db('reports')
        .leftJoin('projects', 'projects.id', 'project_id')
        .distinctOn('name')
        .select('name', 'title')
        .orderBy(['name', 'title']),
  ],
  ['forUpdate', (db) => db.transaction((trx) => trx('reports').where('id', 1).orWhere('n', '>', 0).forUpdate())],
  [
    'forUpdate of a table in a join',
    (db) =>
      db.transaction((trx) =>
        trx('reports')
          .join('projects', 'projects.id', 'project_id')
          .forUpdate('reports')
          .skipLocked()
          .select('title', 'name'),
      ),
  ],
  ['forShare, noWait', (db) => db.transaction((trx) => trx('reports').forShare().noWait().select('title'))],
  ['the table alone, without those that inherit', (db) => db('reports', { only: true }).select('title')],
  ['json: superset', (db) => db('reports').whereJsonSupersetOf('data', { id: 1 }).orWhereJsonSupersetOf('data', {})],
  ['json: subset', (db) => db('reports').whereJsonSubsetOf('data', { id: 1 }).orWhere('n', '>', 0).select('data')],
  ['json: path', (db) => db('reports').whereJsonPath('data', '$.id', '>', 1).orWhereJsonPath('data', '$.id', '=', 1)],
  ['json: extract', (db) => db('reports').jsonExtract('data', '$.mark', 'mark')],
  ['json: set', (db) => db('reports').jsonSet('data', '$.id', '9', 'changed').whereNotNull('data')],
  ['json: operators that are question marks', (db) => db('reports').where('data', '?', 'mark').orWhere('n', '>', 0)],
  [
    'json: operators in raw',
    (db) =>
      db('reports')
        .select(db.raw("data ->> 'mark' as mark"), db.raw('data #>> ? as tag', ['{tags,0}']))
        .whereRaw('data \\? ? or data @> ?', ['mark', '{}']),
  ],
  [
    'json: a set of rows in the columns',
    (db) => db('reports').select(db.raw("jsonb_array_elements_text(data -> 'tags') as t")),
  ],
  ['an array that is bound', (db) => db('reports').whereRaw('id = any(?) or title is not null', [[1, 2]])],
  [
    'casts',
    (db) => db('reports').select(db.raw('id::text as i, n::numeric(10, 2) as n')).whereRaw('n::text like ?', ['%0']),
  ],
  ['whereILike', (db) => db('reports').whereILike('title', '%REPORT%').orWhereILike('title', 'x')],
  ['orderBy, nulls last', (db) => db('reports').orderBy('project_id', 'desc', 'last').orderBy('id')],
  [
    'aggregates with filter and order',
    (db) =>
      db('reports').select(
        db.raw("count(*) filter (where status = 'open') as open"),
        db.raw("string_agg(title, ', ' order by id) as titles"),
        db.raw('array[1, max(n)] as pair'),
      ),
  ],
  [
    'withNotMaterialized',
    (db) => db.withNotMaterialized('open', db('reports').where('status', 'open')).from('open').select('title'),
  ],
  [
    'a CTE in capitals beside the table of its small letters',
    (db) =>
      db
        .with('Reports', db('reports').select('title').where('id', 1))
        .from('Reports')
        .crossJoin('reports as r' as never)
        .select('Reports.title', 'r.title as other'),
  ],
  ['rows as arrays', (db) => db('reports').options({ rowMode: 'array' }).select('id', 'title')],
  [
    'a function of knex',
    (db) =>
      db('reports')
        .select('title')
        .where(db.fn.now() as never, '>', '2020-01-01'),
  ],
])

export const POSTGRES_WRITES: readonly Form[] = only([
  [
    'update from',
    (db) =>
      untyped(db('reports').updateFrom('projects'))
        .whereColumn('projects.id', 'reports.project_id')
        .update({ title: db.ref('projects.name') }),
  ],
  [
    'update from any row',
    (db) =>
      db('reports')
        .updateFrom('projects as p')
        .where('p.id', 3)
        .orWhere('p.name', '>', 'P')
        .update({ status: 'changed' })
        .returning(['reports.id', 'reports.title']),
  ],
  [
    'update from rows that another tenant alone has',
    (db) =>
      db('reports')
        .updateFrom('projects')
        .whereRaw('left(projects.name, 4) <> left(reports.title, 4)')
        .update({ title: db.ref('projects.name') } as never),
  ],
  [
    'update from a sub-query',
    (db) =>
      untyped(db('reports').updateFrom(db('projects').max('name as name').as('p') as never))
        .where('reports.id', '>', 0)
        .update({ title: db.ref('p.name') }),
  ],
  [
    'update from a CTE',
    (db) =>
      untyped(
        db
          .with('p', db('projects').where('id', '<', 3))
          .from('reports')
          .updateFrom('p'),
      )
        .whereColumn('p.id', 'reports.project_id')
        .update({ title: db.ref('p.name') })
        .returning('*'),
  ],
  [
    'update from the table itself',
    (db) =>
      untyped(db('reports').updateFrom('reports as r'))
        .whereColumn('r.project_id', 'reports.id')
        .update({ n: db.raw('reports.n + 1') }),
  ],
  [
    'update, returning all',
    (db) => db('reports').where('id', 1).orWhere('n', 20).update({ title: 'changed' }).returning('*'),
  ],
  ['update of json', (db) => db('reports').update({ data: db.raw("jsonb_set(data, '{id}', ?::jsonb)", ['9']) })],
  [
    'delete using',
    (db) =>
      untyped(db('reports').using(['projects']))
        .whereColumn('projects.id', 'reports.project_id')
        .del(),
  ],
  [
    'delete using any row',
    (db) =>
      db('reports')
        .using('projects' as never)
        .where('projects.id', 1)
        .orWhere('projects.id', '>', 1)
        .del()
        .returning('*'),
  ],
  [
    'delete using rows that another tenant alone has',
    (db) =>
      db('reports')
        .using('projects' as never)
        .whereRaw('left(projects.name, 4) <> left(reports.title, 4)')
        .del(),
  ],
  [
    'delete using many',
    (db) =>
      untyped(db('reports').using(['projects as p', 'countries'] as never))
        .whereColumn('p.id', 'reports.project_id')
        .where('countries.code', 'de')
        .del()
        .returning(['reports.title', 'p.name'] as never),
  ],
  [
    'delete using by alias object',
    (db) =>
      untyped(db('reports').using({ p: 'projects' } as never))
        .whereColumn('p.id', 'reports.id')
        .del(),
  ],
  [
    'delete using a sub-query',
    (db) =>
      untyped(db('reports').using(db('projects').where('id', 1).as('p') as never))
        .whereColumn('p.id', 'reports.project_id')
        .del(),
  ],
  ['delete, returning all', (db) => db('reports').where('id', 1).orWhere('n', '>', 20).del('*')],
  [
    'onConflict merge, returning all',
    (db) =>
      db('reports')
        .insert([
          { id: 1, title: 'merged' },
          { id: 60, title: 'new' },
        ])
        .onConflict(['tenant_id', 'id'])
        .merge(['title'])
        .returning('*'),
  ],
  [
    'onConflict ignore, returning all',
    (db) =>
      db('reports')
        .insert([
          { id: 1, title: 'ignored' },
          { id: 60, title: 'new' },
        ])
        .onConflict(['tenant_id', 'id'])
        .ignore()
        .returning('*'),
  ],
  [
    'a CTE that deletes',
    (db) =>
      db
        .with('gone', db('reports').where('id', 1).orWhere('n', '>', 30).del('*'))
        .from('gone')
        .select('title'),
  ],
  [
    'a CTE that updates, by callback',
    (db) =>
      db
        .with('changed', (q) => q.from('reports').where('id', '>', 2).update({ status: 'changed' }).returning('*'))
        .from('changed')
        .join('projects', 'projects.id', 'changed.project_id')
        .select('title', 'name', 'changed.status'),
  ],
  [
    'a CTE that inserts, in a statement that updates',
    (db) =>
      db
        .with('made', db('projects').insert({ id: 9, name: 'new' }).returning('id'))
        .from('reports')
        .where('id', 1)
        .orWhere('id', 2)
        .update({ project_id: (q: Knex.QueryBuilder) => q.from('made').select('id') } as never),
  ],
])
