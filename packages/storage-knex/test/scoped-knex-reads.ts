import { Writable } from 'node:stream'
import type { Knex } from 'knex'
import { type Form, untyped } from './scoped-knex-form.ts'

async function piped(fill: (into: Writable) => unknown): Promise<unknown[]> {
  const rows: unknown[] = []
  const into = new Writable({
    objectMode: true,
    write(row, _encoding, done) {
      rows.push(row)
      done()
    },
  })
  await new Promise((resolve, reject) => {
    into.on('finish', resolve).on('error', reject)
    fill(into)
  })
  return rows
}

async function streamed(query: Knex.QueryBuilder): Promise<unknown[]> {
  const rows: unknown[] = []
  for await (const row of query.stream()) rows.push(row)
  return rows
}

export const READS: readonly Form[] = [
  ['select', (db) => db('reports')],
  ['select … from', (db) => db.select('id', 'title').from('reports').orderBy('id')],
  ['from … select', (db) => db.from('reports').select('title').orderBy('title', 'desc')],
  ['where', (db) => db('reports').where('id', 1)],
  ['where on a qualified column', (db) => db('reports').where('reports.id', 1).select('reports.*')],
  ['orWhere', (db) => db('reports').where('id', 1).orWhere('n', '>', 0)],
  ['orWhere that is always true', (db) => db('reports').where('id', 1).orWhereRaw('1 = 1')],
  [
    'grouped where',
    (db) =>
      db('reports')
        .where((q) => q.where('id', 1).orWhere('id', 2))
        .orWhereNot('status', 'x'),
  ],
  ['whereNot', (db) => db('reports').whereNot((q) => q.where('id', 99))],
  ['whereRaw', (db) => db('reports').whereRaw('lower(reports.title) like ? or 1 = 1', ['%'])],
  ['whereRaw with names', (db) => db('reports').whereRaw(':column: > :least or true', { column: 'n', least: 5 })],
  [
    'whereIn of a list',
    (db) =>
      db('reports').whereIn(
        ['id', 'status'],
        [
          [1, 'done'],
          [2, 'open'],
        ],
      ),
  ],
  ['whereIn of a sub-query', (db) => db('reports').whereIn('project_id', db('projects').select('id'))],
  ['whereIn of a callback', (db) => db('reports').whereIn('project_id', (q) => q.from('projects').select('id'))],
  ['whereNotIn of a sub-query', (db) => db('reports').whereNotIn('id', db('projects').select('id'))],
  ['where = sub-query', (db) => db('reports').where('id', db('projects').max('id'))],
  [
    'whereExists',
    (db) => db('reports').whereExists((q) => q.from('projects').whereRaw('projects.id = reports.project_id')),
  ],
  [
    'whereExists of a builder',
    (db) => db('reports as r').whereExists(untyped(db('projects as p')).whereColumn('p.id', 'r.project_id')),
  ],
  ['whereNotExists', (db) => db('reports').whereNotExists(db('projects').where('id', 6))],
  [
    'whereBetween, whereNull, whereLike',
    (db) => db('reports').whereBetween('n', [0, 100]).orWhereNull('n').orWhereLike('title', '%'),
  ],
  [
    'a sub-query in the columns',
    (db) =>
      db('projects').select('name', db('reports').count('*').as('reports'), db('reports').max('title').as('last')),
  ],
  [
    'a correlated sub-query in the columns',
    (db) =>
      db('projects as p').select('p.name', (q: Knex.QueryBuilder) =>
        untyped(q.from('reports')).whereColumn('reports.project_id', 'p.id').max('title').as('last'),
      ),
  ],
  [
    'raw in the columns',
    (db) => db('reports').select(db.raw('upper(title) as big'), db.raw('count(*) over () as total')),
  ],
  [
    'what looks like a placeholder, in text, names and a comment',
    (db) =>
      db('reports')
        .select({ 'a ? :b': 'id' }, db.raw(`'?1 :x ''@y' as "$z", "id" as [:n]`), db.raw(':n as n', { n: 1 }))
        .comment("isn't :it")
        .where('id', 1),
    'sqlite',
  ],
  ['a sub-query bound in raw', (db) => db('reports').select(db.raw('(?) as total', [db('projects').count('*')]))],
  [
    'ref',
    (db) =>
      db('reports')
        .select(db.ref('title').withSchema('reports').as('t'))
        .where(db.ref('reports.id') as never, '>', 0),
  ],
  ['inner join', (db) => db('reports').join('projects', 'projects.id', 'reports.project_id').select('title', 'name')],
  [
    'left join',
    (db) => db('reports').leftJoin('projects', 'projects.id', 'reports.project_id').select('title', 'name'),
  ],
  [
    'left join that finds none',
    (db) => db('reports').leftJoin('projects', 'projects.id', 'reports.n').select('title', 'name'),
  ],
  [
    'right join',
    (db) => db('reports').rightJoin('projects', 'projects.id', 'reports.project_id').select('title', 'name'),
  ],
  ['full join', (db) => db('reports').fullOuterJoin('projects', 'projects.id', 'reports.id').select('title', 'name')],
  [
    'cross join',
    (db) =>
      db('reports')
        .crossJoin('projects' as never)
        .select('title', 'name'),
  ],
  [
    'join using',
    (db) =>
      db('reports')
        .join('projects', (on) => on.using('id' as never))
        .select('title', 'name'),
  ],
  [
    'join with alias',
    (db) => db('reports as r').join('projects as p', 'p.id', 'r.project_id').select('r.title', 'p.name'),
  ],
  [
    'join by alias object',
    (db) => db({ r: 'reports' }).join({ p: 'projects' }, 'p.id', 'r.project_id').select('r.title', 'p.name'),
  ],
  [
    'two tables in one alias object',
    (db) => untyped(db({ r: 'reports', p: 'projects' }).select('r.title', 'p.name')).whereColumn('r.id', 'p.id'),
  ],
  [
    'names swapped by aliases',
    (db) =>
      db('reports as projects')
        .join('projects as reports', 'reports.id', 'projects.project_id')
        .select('title', 'name'),
  ],
  [
    'a table joined twice',
    (db) =>
      db('projects as a')
        .leftJoin('projects as b', 'b.id', 'a.parent_id')
        .leftJoin('projects as c', 'c.id', 'b.parent_id')
        .select('a.name as a', 'b.name as b', 'c.name as c'),
  ],
  [
    'a join on anything',
    (db) =>
      db('reports')
        .join('projects', (on) =>
          on
            .on('projects.id', 'reports.project_id')
            .orOn('projects.id', '>', 'reports.id')
            .orOnVal('projects.id', '>', 0),
        )
        .select('title', 'name'),
  ],
  [
    'a join with nested conditions',
    (db) =>
      db('reports')
        .leftJoin('projects', (on) =>
          on.on((inner) =>
            inner.on('projects.id', 'reports.id').orOnIn('projects.id', [1, 2]).orOnNotNull('projects.name'),
          ),
        )
        .select('title', 'name'),
  ],
  [
    'a join on exists',
    (db) =>
      db('reports')
        .leftJoin('projects', (on) => on.onExists((q) => q.from('projects as x').where('x.id', 3)))
        .select('title', 'name'),
  ],
  [
    'a join of a sub-query',
    (db) =>
      db('reports')
        .join(db('projects').where('id', '>', 0).as('p'), 'p.id', 'reports.project_id')
        .select('title', 'name'),
  ],
  [
    'a join of a callback',
    (db) =>
      db('reports')
        .leftJoin(
          function () {
            this.from('projects').as('p')
          },
          'p.id',
          'reports.project_id',
        )
        .select('title', 'name'),
  ],
  [
    'a join of a shared table',
    (db) =>
      db('reports')
        .crossJoin('countries' as never)
        .select('title', 'countries.name'),
  ],
  ['a shared table', (db) => db('countries').orderBy('code')],
  ['a derived table', (db) => db(db('reports').where('n', '>', 0).as('x')).select('x.title')],
  [
    'a derived table by callback',
    (db) => db.from(((q: Knex.QueryBuilder) => q.from('reports').as('x')) as never).select('title'),
  ],
  ['a derived table by alias object', (db) => db({ x: db('reports').select('title') } as never).select('x.title')],
  ['a derived table in a derived table', (db) => db(db(db('reports').as('x')).as('y')).count({ n: '*' })],
  ['union', (db) => db('reports').select('title').union(db('projects').select('name'))],
  [
    'union of callbacks',
    (db) =>
      db('reports')
        .select('title')
        .union([(q) => q.from('projects').select('name'), (q) => q.from('countries').select('name')]),
  ],
  [
    'unionAll',
    (db) =>
      db('reports')
        .select('title')
        .where('id', 1)
        .unionAll(db('reports').select('title'), db('projects').select('name')),
  ],
  [
    'union after bound columns',
    (db) =>
      db('reports')
        .select(db.raw('? as mark', ['m']), 'title')
        .union(db('projects').select(db.raw('?', ['k']), 'name')),
  ],
  [
    'union of arms alone',
    (db) => db.queryBuilder().union([db('reports').select('title'), db('projects').select('name')]),
  ],
  [
    'union ordered and limited',
    (db) => db('reports').select('title').union(db('projects').select('name')).orderBy('title').limit(4),
  ],
  ['intersect', (db) => db('reports').select('id').intersect(db('projects').select('id'))],
  ['except', (db) => db('reports').select('id').except(db('projects').select('id'))],
  ['with', (db) => db.with('open', db('reports').where('status', 'open')).from('open').select('title')],
  [
    'with by callback',
    (db) =>
      db
        .with('open', (q) => q.from('reports').where('status', 'open'))
        .select('title')
        .from('open as o'),
  ],
  ['with a column list', (db) => db.with('named', ['t'], db('reports').select('title')).from('named').select('t')],
  [
    'with that reads another with',
    (db) =>
      db
        .with('a', db('reports').select('id', 'title'))
        .with('b', (q) => q.from('a').join('projects', 'projects.id', 'a.id').select('title', 'name'))
        .from('b')
        .select('*'),
  ],
  [
    'with in a sub-query',
    (db) =>
      db('projects')
        .whereIn('id', db.with('a', db('reports').select('project_id')).from('a').select('project_id'))
        .select('name'),
  ],
  ['withMaterialized', (db) => db.withMaterialized('open', db('reports')).from('open').select('title')],
  [
    'withRecursive',
    (db) =>
      db
        .withRecursive('tree', ['id', 'name'], (q) =>
          q
            .from('projects')
            .whereNull('parent_id')
            .select('id', 'name')
            .unionAll((up) =>
              up.from('projects').join('tree', 'tree.id', 'projects.parent_id').select('projects.id', 'projects.name'),
            ),
        )
        .from('tree')
        .select('name'),
  ],
  ['count', (db) => db('reports').count({ n: '*' })],
  ['countDistinct', (db) => db('reports').countDistinct('status as n')],
  ['sum, min, max, avg', (db) => db('reports').sum('n as s').min('title as a').max('title as b').avg('n as m')],
  [
    'groupBy, having',
    (db) =>
      db('reports')
        .select('status')
        .count({ n: '*' })
        .max('title as t')
        .groupBy('status')
        .havingRaw('count(*) > ?', [0])
        .orderBy('status'),
  ],
  [
    'having of a sub-query',
    (db) =>
      untyped(db('reports').select('status').max('title as t').groupBy('status')).havingExists(
        db('projects').where('id', '<', 9),
      ),
  ],
  [
    'window',
    (db) =>
      db('reports')
        .select('title')
        .rowNumber('row', 'id', 'status')
        .rank('rank', (over) => over.orderBy('n', 'desc').partitionBy('status')),
  ],
  ['distinct', (db) => db('reports').distinct('status').orderBy('status')],
  ['first', (db) => db('reports').orderBy('id', 'desc').first()],
  ['first of columns', (db) => db('reports').first('title', 'n')],
  ['pluck', (db) => db('reports').pluck('title')],
  ['limit, offset', (db) => db('reports').orderBy('id').limit(2).offset(1)],
  ['offset alone', (db) => db('reports').orderBy('id').offset(3)],
  [
    'orderByRaw, groupByRaw',
    (db) =>
      db('reports').select('status').groupByRaw('status').orderByRaw('case status when ? then 0 else 1 end', ['open']),
  ],
  [
    'order by a sub-query',
    (db) =>
      db('reports')
        .orderBy(db('projects').max('name') as never)
        .orderBy('id'),
  ],
  ['json', (db) => db('reports').select('title').jsonExtract('status', '$', 'json').whereRaw('n < 0'), 'sqlite'],
  ['columnInfo', (db) => db('reports').columnInfo('title' as never)],
  ['stream', (db) => streamed(db('reports').orderBy('id'))],
  ['pipe', (db) => piped((into) => db('reports').orderBy('id').pipe(into))],
  ['from changed later', (db) => db('countries').where('id', '>', 0).from('reports')],
  ['clone', (db) => db('reports').where('id', 1).clone().orWhere('id', 2).clone()],
  ['modify', (db) => db('reports').modify((q) => q.where('id', 1).orWhere('n', '>', 0))],
  ['clearWhere', (db) => db('reports').where('id', 1).clearWhere()],
  ['clear select', (db) => db('reports').select('id').clear('select')],
  [
    'fromJS',
    (db) =>
      (db('projects') as unknown as { fromJS(calls: object): Knex.QueryBuilder }).fromJS({
        from: 'reports',
        where: ['n', '>', 0],
      }),
  ],
  [
    'another case',
    (db) => db('Reports').join('PROJECTS as P', 'P.id', 'Reports.project_id').select('title', 'name'),
    'sqlite',
  ],
  ['spaces around', (db) => db(' reports ').select('title')],
  ['schema in the name', (db) => db('main.reports').select('title'), 'sqlite'],
  [
    'withSchema',
    (db) => db.withSchema('main').from('reports').join('projects as p', 'p.id', 'project_id').select('title', 'name'),
    'sqlite',
  ],
  ['schema and alias', (db) => db('main.reports as r').select('r.title'), 'sqlite'],
  ['comment, hint', (db) => db('reports').comment('list').hintComment('x').select('title')],
  ['timeout', (db) => db('reports').timeout(1_000)],
  ['options, debug off, queryContext', (db) => db('reports').options({}).debug(false).queryContext({ a: 1 })],
  ['transaction', (db) => db.transaction((trx) => trx('reports').orderBy('id'))],
  ['transaction, by .transacting', (db) => db.transaction((trx) => db('reports').transacting(trx).orderBy('id'))],
  [
    'nested transaction',
    (db) =>
      db.transaction((trx) =>
        trx.transaction((inner) =>
          inner('reports').leftJoin('projects', 'projects.id', 'reports.id').select('title', 'name'),
        ),
      ),
  ],
  [
    'transaction handle',
    async (db) => {
      const trx = await db.transaction()
      const rows = await trx('reports').select('title')
      await trx.commit()
      return rows
    },
  ],
  [
    'awaited twice',
    async (db) => {
      const query = db('reports').where('id', 1).orWhere('n', 20)
      return [await query, await query, query.toString().length > 0, await query]
    },
  ],
]
