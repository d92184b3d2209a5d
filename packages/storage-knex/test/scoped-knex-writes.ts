import { type Form, untyped } from './scoped-knex-form.ts'

export const WRITES: readonly Form[] = [
  ['insert one', (db) => db('reports').insert({ id: 50, title: 'new' })],
  [
    'insert many',
    (db) =>
      db('reports').insert([
        { id: 50, title: 'a' },
        { id: 51, n: 3 },
        { title: 'c', id: 52 },
      ]),
  ],
  ['insert into', (db) => db.insert({ id: 50, title: 'new' }).into('reports')],
  ['insert, returning', (db) => db('reports').insert({ id: 50, title: 'new' }).returning(['id', 'title'])],
  ['insert, returning all', (db) => db('reports').insert({ id: 50, title: 'new' }, '*')],
  ['insert a value that is a sub-query', (db) => db('reports').insert({ id: 50, title: db('projects').max('name') })],
  [
    'batchInsert',
    (db) =>
      db.batchInsert(
        'reports',
        [
          { id: 50, title: 'a' },
          { id: 51, title: 'b' },
          { id: 52, title: 'c' },
        ],
        2,
      ),
  ],
  [
    'batchInsert, returning',
    (db) =>
      db
        .batchInsert('reports', [
          { id: 50, title: 'a' },
          { id: 51, title: 'b' },
        ])
        .returning('id'),
  ],
  [
    'onConflict merge',
    (db) => db('reports').insert({ id: 1, title: 'merged' }).onConflict(['tenant_id', 'id']).merge(),
  ],
  [
    'onConflict merge of columns',
    (db) =>
      db('reports')
        .insert([
          { id: 1, title: 'merged', n: 1 },
          { id: 60, title: 'new', n: 2 },
        ])
        .onConflict(['tenant_id', 'id'])
        .merge(['title']),
  ],
  [
    'onConflict merge of values',
    (db) =>
      db('reports')
        .insert({ id: 1, title: 'x' })
        .onConflict(['id', 'tenant_id'])
        .merge({ title: 'merged', n: db.raw('reports.n + ?', [1]) }),
  ],
  [
    'onConflict merge where',
    (db) =>
      db('reports')
        .insert({ id: 1, title: 'merged' })
        .onConflict(['tenant_id', 'id'])
        .merge()
        .where('reports.n', 10)
        .orWhere('reports.n', '>', 0),
  ],
  [
    'onConflict ignore',
    (db) =>
      db('reports')
        .insert([
          { id: 1, title: 'ignored' },
          { id: 61, title: 'kept' },
        ])
        .onConflict(['tenant_id', 'id'])
        .ignore(),
  ],
  ['update', (db) => db('reports').where('id', 1).update({ title: 'changed' })],
  ['update all', (db) => db('reports').update('status', 'changed')],
  ['update, orWhere', (db) => db('reports').where('id', 1).orWhere('n', '>', 0).update({ title: 'changed' })],
  ['update, orWhereRaw', (db) => db('reports').where('id', 1).orWhereRaw('1 = 1').update({ title: 'changed' })],
  ['update, whereNot', (db) => db('reports').whereNot('id', 1).update({ title: 'changed' })],
  [
    'update by raw',
    (db) =>
      db('reports')
        .where('id', '>', 1)
        .update({ n: db.raw('n * ? + coalesce(n, 1)', [2]), title: db.raw("title || ', done'") }),
  ],
  ['update by a sub-query', (db) => db('reports').update({ title: db('projects').max('name') })],
  [
    'update where in a sub-query',
    (db) =>
      db('reports').whereIn('project_id', db('projects').where('id', 1).select('id')).update({ title: 'changed' }),
  ],
  [
    'update with',
    (db) =>
      db
        .with('some', db('projects').select('id'))
        .from('reports')
        .whereIn('id', (q) => q.from('some').select('id'))
        .update({ title: 'changed' }),
  ],
  ['update, returning', (db) => db('reports').where('id', 1).update({ title: 'changed' }).returning(['id', 'title'])],
  [
    'update under an alias',
    (db) => db('reports as r').where('r.id', 1).orWhere('r.n', '>', 0).update({ title: 'changed' }),
  ],
  ['update in another case', (db) => db('REPORTS').where('ID', 1).update({ Title: 'changed' }), 'sqlite'],
  [
    'update in the schema',
    (db) => db.withSchema('main').from('reports').where('id', 1).update({ title: 'changed' }),
    'sqlite',
  ],
  ['increment', (db) => db('reports').where('id', 1).orWhere('id', 2).increment('n', 5)],
  ['decrement of more', (db) => db('reports').decrement({ n: 1, project_id: 1 })],
  ['increment and update', (db) => db('reports').where('id', 1).increment('n').update({ title: 'changed' })],
  ['delete', (db) => db('reports').where('id', 1).delete()],
  ['delete all', (db) => db('reports').del()],
  ['delete, orWhere', (db) => db('reports').where('id', 1).orWhere('n', '>', 0).del()],
  ['delete under an alias', (db) => db('reports as r').where('r.id', 1).orWhere('r.n', '>', 0).del()],
  [
    'delete where exists',
    (db) =>
      db('reports')
        .whereExists(untyped(db('projects')).whereColumn('projects.id', 'reports.project_id'))
        .del(),
  ],
  [
    'delete by a callback',
    (db) =>
      db('reports')
        .where((q) => q.where('id', 1).orWhereIn('id', (ids) => ids.from('projects').select('id')))
        .del(),
  ],
  [
    'a transaction that commits',
    (db) =>
      db.transaction(async (trx) => {
        await trx('reports').where('id', 1).orWhere('n', 20).update({ title: 'changed' })
        await trx('reports').insert({ id: 70, title: 'new' })
        await trx('projects').orWhere('id', 1).del()
      }),
  ],
  [
    'a savepoint that rolls back',
    (db) =>
      db.transaction(async (trx) => {
        await trx('reports').where('id', 1).update({ title: 'kept' })
        await trx
          .transaction(async (inner) => {
            await inner('reports').update({ title: 'undone' })
            throw new Error('undo')
          })
          .catch(() => undefined)
      }),
  ],
  [
    'a write awaited twice',
    async (db) => {
      const query = db('reports').where('id', 1).orWhere('id', 2).increment('n', 1)
      query.toSQL()
      return [await query, await query]
    },
  ],
]
