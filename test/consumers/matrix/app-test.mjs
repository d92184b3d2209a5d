import { app, koaApp, onSqlite, Reports, scopedKnex, ThroughlineError, throughline } from './app.ts'

// The test of every project in the matrix. `test` and `expect` are the runner's globals.

const ada = { tenant: 'acme', actor: { id: 'ada' } }

afterAll(() => throughline.close())

const served = async (app, use) => {
  const server = app.listen(0, '127.0.0.1')
  await new Promise((listening) => server.once('listening', listening))
  const ask = async (path, user) => {
    const headers = { connection: 'close', 'x-user': user }
    const answer = await fetch(`http://127.0.0.1:${server.address().port}${path}`, { headers })
    return { status: answer.status, body: await answer.json() }
  }
  try {
    await use(ask)
  } finally {
    await new Promise((closed) => server.close(closed))
  }
}

test('a guarded route serves each tenant by itself', () =>
  served(app, async (ask) => {
    expect(await ask('/reports/q1', 'ada@acme')).toEqual({ status: 200, body: { report: 'Q1', tenant: 'acme' } })
    await ask('/reports/q2', 'bob@acme')
    expect(await ask('/reports/q3', 'ada@acme')).toMatchObject({ status: 429, body: { code: 'LIMIT_EXCEEDED' } })
    expect(await ask('/reports/q1', 'eve@globex')).toEqual({ status: 200, body: { report: 'Q1', tenant: 'globex' } })
    expect(await ask('/reports/q1', 'joe@nobody')).toMatchObject({ status: 404, body: { code: 'TENANT_NOT_FOUND' } })
    const { body } = await ask('/timeline', 'ada@acme')
    expect(body.events.map(({ action }) => action)).toContain('limit.refused')
  }))

test('a guarded app of Koa serves each tenant by itself', () =>
  served(koaApp, async (ask) => {
    expect(await ask('/', 'ada@initech')).toEqual({ status: 200, body: { tenant: 'initech' } })
    await ask('/', 'bob@initech')
    expect(await ask('/', 'ada@initech')).toMatchObject({ status: 429, body: { code: 'LIMIT_EXCEEDED' } })
    expect(await ask('/', 'eve@umbrella')).toEqual({ status: 200, body: { tenant: 'umbrella' } })
    expect(await ask('/', 'joe@nobody')).toMatchObject({ status: 404, body: { code: 'TENANT_NOT_FOUND' } })
  }))

test('a guarded method runs in the context of its caller, and is refused with an error of core', async () => {
  const reports = new Reports()
  expect(await throughline.run(ada, () => reports.create('!'))).toBe('report of acme!')
  const refused = await throughline.run(ada, () => reports.create('!')).catch((error) => error)
  expect(refused).toBeInstanceOf(ThroughlineError)
  expect(refused.code).toBe('LIMIT_EXCEEDED')
  expect(await throughline.run({ ...ada, tenant: 'globex' }, () => reports.create('!'))).toBe('report of globex!')
})

test('records are kept on SQLite', async () => {
  expect(typeof scopedKnex).toBe('function')
  // better-sqlite3 13, which is installed, does not run on Node 20.
  if (Number.parseInt(process.versions.node, 10) < 22) return
  const kept = onSqlite(process.env.CONSUMER_SQLITE)
  await kept.run(ada, () => kept.limits.consume('reports'))
  const { events } = await kept.run(ada, () => kept.audit.list({ last: '1d' }))
  await kept.close()
  expect(events.map(({ action }) => action)).toContain('limit.passed')
})
