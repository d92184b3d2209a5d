// Runs where the packed packages are installed. Plain JavaScript: published packages meet Nodes that read no types.
import { once } from 'node:events'

/**
 * The README's program: two tenants behind one limit, asked over HTTP.
 *
 * @param parts what `import` or `require` gave: `core`, `adapter`, `express`
 * @param storage in memory when it is absent
 */
export async function tryApp({ core, adapter, express }, storage) {
  const organizations = new Map(['acme', 'globex'].map((id) => [id, { id, plan: 'free' }]))
  const throughline = core.createThroughline({
    ...(storage && { storage }),
    tenants: { load: (id) => organizations.get(id) },
    limits: { api: core.perMinute(2) },
  })
  const app = express()
  app.use(adapter.requestAudit(throughline))
  app.use((req, res, next) => {
    const [user, orgId] = (req.get('x-user') ?? '').split('@')
    if (!orgId) return void res.status(401).json({ error: 'log in' })
    req.user = { id: user, orgId }
    next()
  })
  app.use(adapter.tenantContext(throughline, { tenant: (req) => req.user.orgId, actor: (req) => req.user }))
  app.get('/reports', adapter.guard(core.rateLimit('api')), (_req, res) => {
    res.json({ tenant: core.currentTenant().id })
  })
  app.get('/timeline', async (_req, res) => res.json(await throughline.audit.list({ last: '30d' })))
  app.use(adapter.problemDetails())

  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const ask = async (path, user) => {
    const headers = { connection: 'close', ...(user && { 'x-user': user }) }
    const answer = await fetch(`http://127.0.0.1:${server.address().port}${path}`, { headers })
    return { status: answer.status, body: await answer.json() }
  }
  try {
    const answers = []
    for (const user of [undefined, 'ada@acme', 'bob@acme', 'ada@acme', 'eve@globex', 'joe@nobody']) {
      answers.push(await ask('/reports', user))
    }
    const { body } = await ask('/timeline', 'ada@acme')
    return {
      statuses: answers.map(({ status }) => status),
      tenants: answers.map(({ body: { tenant } }) => tenant).filter(Boolean),
      problem: answers[3].body,
      actions: body.events.map(({ action }) => action),
    }
  } finally {
    server.close()
    await throughline.close()
  }
}
