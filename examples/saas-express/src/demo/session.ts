import { emailOf, PASSWORD } from '../seed.ts'
import type { Answer, HttpClient } from './http-client.ts'

export interface Who {
  readonly user: string
  readonly tenant: string
  readonly role: 'admin' | 'member'
}

/** One user, logged in at one tenant. */
export class Session {
  readonly user: string
  readonly tenant: string
  readonly role: Who['role']
  readonly token: string
  readonly #client: HttpClient

  private constructor(client: HttpClient, { user, tenant, role }: Who, token: string) {
    this.#client = client
    this.user = user
    this.tenant = tenant
    this.role = role
    this.token = token
  }

  static async open(client: HttpClient, who: Who): Promise<Session> {
    const json = { email: emailOf(who.user), password: PASSWORD }
    const { status, body } = await client.send({ tenant: who.tenant, path: '/login', json })
    if (status !== 200) throw new Error(`${who.user} could not log in at ${who.tenant}: ${status}.`)
    return new Session(client, who, body.token)
  }

  send(method: string, path: string, json?: unknown): Promise<Answer> {
    const { tenant, token } = this
    return this.#client.send({ method, tenant, path, bearer: token, ...(json !== undefined && { json }) })
  }

  /** Makes a project and reports, sets what an admin may set, and tries what it may not. */
  async work(): Promise<void> {
    const { body: project } = await this.send('POST', '/projects', { name: `${this.user}'s project` })
    for (let i = 1; i <= 4; i++) {
      await this.send('POST', '/reports', { project: project.id, title: `Report ${i} of ${this.user}`, rows: i * 100 })
    }
    await this.send('POST', '/reports', { project: project.id, title: '', rows: 0 })
    const { body: reports } = await this.send('GET', '/reports')
    await this.send('GET', `/reports/${reports[0]?.id ?? 0}/summary`)
    await this.send('DELETE', '/projects/1')
    await this.send('PATCH', '/config', { 'notifications.digest': this.role === 'admin' ? 'daily' : 'never' })
    if (this.role === 'admin') await this.administer()
  }

  async administer(): Promise<void> {
    await this.send('PATCH', '/config', { 'webhooks.url': `https://hooks.example.com/${this.tenant}` })
    await this.send('PATCH', '/config', { 'webhooks.url': 'no address', 'notifications.emial': true })
    await this.send('POST', '/members', { email: emailOf('cleo'), role: 'member' })
    await this.send('GET', '/usage')
  }

  /** Reads pages, several at a time, as a browser does. */
  async browse(pages: number): Promise<void> {
    const paths = ['/projects', '/reports', '/members', '/config']
    for (let i = 0; i < pages; i += paths.length) {
      await Promise.all(paths.map((path) => this.send('GET', path)))
    }
  }
}
