import { perMinute } from '@throughline/core'
import { signatureOf } from '../payments.ts'
import type { RunningApp } from '../running-app.ts'
import { emailOf, PASSWORD } from '../seed.ts'
import type { HttpClient } from './http-client.ts'
import type { Progress } from './progress.ts'
import { Session } from './session.ts'

/** Who is logged in where: Ada twice, as one person in two tenants. */
const SESSIONS = [
  { user: 'ada', tenant: 'acme', role: 'admin' },
  { user: 'bob', tenant: 'acme', role: 'member' },
  { user: 'cleo', tenant: 'acme', role: 'member' },
  { user: 'ada', tenant: 'globex', role: 'member' },
  { user: 'dan', tenant: 'globex', role: 'admin' },
  { user: 'eve', tenant: 'globex', role: 'member' },
  { user: 'finn', tenant: 'initech', role: 'admin' },
  { user: 'gus', tenant: 'initech', role: 'member' },
] as const

/** An afternoon of three tenants, all at once: work, mistakes, attacks and a bug. */
export async function drive(app: RunningApp, client: HttpClient, progress: Progress): Promise<readonly Session[]> {
  progress.phase('eight users of three tenants log in')
  const sessions = await Promise.all(SESSIONS.map((who) => Session.open(client, who)))

  const onFree = (session: Session): boolean => session.tenant === 'initech'
  progress.phase('all at once: two browse, the free plan works')
  await Promise.all(sessions.map((session) => (onFree(session) ? session.work() : session.browse(32))))

  progress.phase('two work, the free plan meets its limit')
  await Promise.all(sessions.map((session) => (onFree(session) ? session.browse(32) : session.work())))

  progress.phase('wrong passwords, foreign tenants, bad keys')
  await attack(app, client, sessions)

  progress.phase('payments, a nightly job, the operator, a bug')
  await Promise.all([payments(app, client), nightly(app), operator(app), bugs(client, sessions)])
  progress.done()
  return sessions
}

async function attack(app: RunningApp, client: HttpClient, sessions: readonly Session[]): Promise<void> {
  const eve = sessions.find(({ user }) => user === 'eve')
  const [wrong, foreign] = [
    { email: emailOf('bob'), password: 'hunter2' },
    { email: emailOf('eve'), password: PASSWORD },
  ]
  await Promise.all([
    ...Array.from({ length: 4 }, () => client.send({ tenant: 'acme', path: '/login', json: wrong })),
    // Her password is right, but she is no member here.
    client.send({ tenant: 'acme', path: '/login', json: foreign }),
    ...['/projects', '/reports', '/timeline'].map((path) =>
      client.send({ tenant: 'acme', path, ...(eve && { bearer: eve.token }) }),
    ),
    // The key says acme, the host says globex.
    client.send({ tenant: 'globex', path: '/projects', bearer: app.apiKeys.acme ?? '' }),
    client.send({ tenant: 'acme', path: '/projects', bearer: 'sk_made-up' }),
    client.send({ tenant: 'acme', path: '/projects', bearer: 'not.a.token' }),
    client.send({ tenant: 'acme', path: '/projects' }),
    client.send({ tenant: 'umbrella', path: '/projects', ...(eve && { bearer: eve.token }) }),
  ])
}

async function payments(app: RunningApp, client: HttpClient): Promise<void> {
  const send = (organization: string, secret: string) => {
    const json = { organization, invoice: `${organization}-2026-11`, amount: '490.00' }
    const headers = { 'x-signature': signatureOf(secret, JSON.stringify(json)) }
    return client.send({ path: '/webhooks/payments', json, headers })
  }
  await Promise.all([send('acme', app.webhookSecret), send('globex', app.webhookSecret), send('initech', 'forged')])
}

async function nightly({ throughline, apiKeys }: RunningApp): Promise<void> {
  for (const tenant of Object.keys(apiKeys)) {
    await throughline.run({ tenant, actor: { type: 'service', id: 'nightly' } }, async () => {
      if (throughline.config.get('notifications.digest') === 'never') return
      const { totals } = await throughline.usage.totals()
      await throughline.audit.record({ action: 'digest.sent', metadata: { meters: totals.length } })
    })
  }
}

async function operator({ throughline }: RunningApp): Promise<void> {
  const support = { id: 'sam', name: 'Sam of support' }
  await throughline.platform.run({ actor: support, reason: 'TICKET-7: migration weekend' }, async (platform) => {
    await platform.limits.override('acme', 'api', perMinute(20_000))
    await platform.flags.override('initech', 'report-summaries', true)
  })
}

async function bugs(client: HttpClient, sessions: readonly Session[]): Promise<void> {
  const acme = sessions.filter(({ tenant }) => tenant === 'acme')
  await Promise.all(acme.map(({ tenant, token }) => client.send({ tenant, path: '/broken', bearer: token })))
}
