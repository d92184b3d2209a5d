import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { StartApp } from '../running-app.ts'
import type { Asked } from './answer.ts'
import { askBySql, QUESTION } from './answer.ts'
import { HttpClient } from './http-client.ts'
import { Progress } from './progress.ts'
import type { Session } from './session.ts'
import { countsTable, timelineTable } from './tables.ts'
import { drive } from './traffic.ts'

const SHOWN = 40
const DAY_MS = 86_400_000

/** Starts the application, drives traffic through it, and asks the question. */
export async function runDemo(startApp: StartApp): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'throughline-demo-'))
  try {
    let bugs = 0
    const app = await startApp({ folder, port: 0, logError: () => void bugs++ })
    const progress = new Progress(process.stdout)
    const client = new HttpClient(app.port, (status) => progress.answered(status))
    try {
      console.log(`The application runs on an embedded database, on http://acme.localhost:${app.port}\n`)
      const [ada] = await drive(app, client, progress)
      console.log(`\n${progress.total} requests were answered; ${bugs} of them met the bug that was put there.`)
      const now = Date.now()
      const asked: Asked = {
        tenant: 'acme',
        from: new Date(now - 30 * DAY_MS).toISOString(),
        to: new Date(now).toISOString(),
      }
      const rows = askBySql(app.recordsFile, asked)
      console.log(`\n"Show me everything tenant acme has done in the last 30 days": ${rows.length} events.`)
      console.log(`The newest ${Math.min(SHOWN, rows.length)} of them, newest first:`)
      console.log(timelineTable(rows.slice(0, SHOWN)))
      console.log(
        '\nAll of them by action (equal events of one request, and equal refusals of one minute, are one row):',
      )
      console.log(countsTable(rows))
      console.log(`\nThe one statement that answered it:\n\n${QUESTION}\n`)
      await compare(rows, await askByApi(ada as Session, asked))
    } finally {
      client.close()
      await app.close()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

interface Counted {
  readonly count: number
}

/** The same question over HTTP, as the tenant's own admin: page by page. */
async function askByApi(session: Session, { from, to }: Asked): Promise<readonly Counted[]> {
  const events: Counted[] = []
  let cursor = ''
  do {
    const query = new URLSearchParams({ from, to, limit: '500', ...(cursor !== '' && { cursor }) })
    const { status, body } = await session.send('GET', `/timeline?${query}`)
    if (status !== 200) throw new Error(`The timeline answered ${status}.`)
    events.push(...body.events)
    cursor = body.next ?? ''
  } while (cursor !== '')
  return events
}

function compare(bySql: readonly Counted[], byApi: readonly Counted[]): void {
  const sum = (events: readonly Counted[]): number => events.reduce((total, { count }) => total + count, 0)
  console.log(`SQL: ${bySql.length} rows, ${sum(bySql)} events. API: ${byApi.length} rows, ${sum(byApi)} events.`)
  if (bySql.length !== byApi.length || sum(bySql) !== sum(byApi)) {
    console.error('They differ, and must not.')
    process.exitCode = 1
  }
}
