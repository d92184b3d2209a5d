import { once } from 'node:events'
import type { Server } from 'node:http'
import type { TimelineEvent } from '@throughline/core'
import { perMinute, quotaPerMonth } from '@throughline/core'
import { createTestThroughline } from '@throughline/core/testing'
import { describe, expect, it } from 'vitest'
import { RawClient, serve, turns } from '../../packages/core/test/http/raw-client.ts'
import { until } from '../until.ts'
import { expressFrameworks } from './express-framework.ts'
import type { Framework } from './framework.ts'
import { koaFrameworks } from './koa-framework.ts'
import type { ParityRequest, Scenario } from './scenarios.ts'
import { SCENARIOS } from './scenarios.ts'

const FRAMEWORKS = [...expressFrameworks, ...koaFrameworks]
/** Of an answer: what Throughline or the handler said, not how the framework words the rest. */
const HEADERS = ['content-type', 'retry-after', 'cache-control', 'www-authenticate', 'location', 'etag']

function instance(observe: boolean) {
  return createTestThroughline({
    tenants: {
      load: (id: string) => ({ acme: { id: 'acme', plan: 'free' }, globex: { id: 'globex' } })[id],
      isMember: ({ id }: { readonly id: string }) => id !== 'eve',
    },
    limits: { api: perMinute(2) },
    flags: { on: { default: true }, off: { default: false } },
    meters: { reports: { aggregate: 'count' }, exports: { aggregate: 'count' } },
    plans: { free: { quotas: { exports: quotaPerMonth(1, { hard: true }) } }, enterprise: {} },
    ...(observe && { mode: { membership: 'observe', limits: 'observe', resolution: 'observe' } as const }),
  })
}

interface Seen {
  readonly bytes: readonly string[]
  readonly trail: readonly string[]
  /** Route, status and actor of each record, in no more words than the frameworks share. */
  readonly records: readonly unknown[]
}

async function play(framework: Framework, scenario: Scenario, bare = false): Promise<Seen> {
  const throughline = bare ? undefined : instance(scenario.observe === true)
  const listener = framework.app({ throughline, routes: scenario.routes ?? [], middleware: scenario.middleware })
  const { port, server, stop } = await serve(listener)
  const bytes: string[] = []
  try {
    for (const request of scenario.requests) bytes.push(...answersIn(await send(port, server, request)))
    if (!throughline) return { bytes, trail: [], records: [] }
    let events: readonly TimelineEvent[] = []
    // What comes after the answer (a background record, a client that left) is on its way.
    await until(
      async () => {
        events = await trailOf(throughline)
        return (
          count(events, 'request.handled') >= count(scenario.actions, 'request.handled') &&
          endsSettled(events, scenario)
        )
      },
      { what: `the trail of ${scenario.name}` },
    )
    return { bytes, trail: linesOf(events), records: events.map(recordOf) }
  } finally {
    await stop()
    await throughline?.close()
  }
}

function count(found: readonly (string | TimelineEvent)[], action: string): number {
  return found.filter((one) => (typeof one === 'string' ? one.startsWith(action) : one.action === action)).length
}

/** An error after the answer is a further part. */
function endsSettled(events: readonly TimelineEvent[], { actions }: Scenario): boolean {
  return count(events, 'error') >= count(actions, 'error')
}

async function trailOf(throughline: ReturnType<typeof instance>): Promise<readonly TimelineEvent[]> {
  return throughline.run({ tenant: 'acme', actor: { type: 'service', id: 'test' } }, async () => {
    const { events } = await throughline.audit.list({ last: '1d' })
    return events.filter(({ actor }) => actor.id !== 'test').toSorted((a, b) => a.seq - b.seq || a.index - b.index)
  })
}

function linesOf(events: readonly TimelineEvent[]): readonly string[] {
  return events.map(({ action, outcome, metadata }) => {
    const why = metadata['code'] ?? metadata['name']
    if (action !== 'request.handled' && outcome === 'success') return action
    return `${action} ${outcome}${typeof why === 'string' ? ` ${why}` : ''}`
  })
}

function recordOf({ action, outcome, count, actor, targets, metadata, context }: TimelineEvent): unknown {
  const { method, path, route, status } = (context.request ?? {}) as Record<string, unknown>
  const aborted = metadata['aborted'] === true
  return {
    action,
    outcome,
    count,
    actor,
    targets,
    metadata,
    method,
    path,
    route: aborted ? undefined : route,
    status,
  }
}

async function send(port: number, server: Server, request: ParityRequest): Promise<string> {
  const { leavesAt, takesAt, followedBy = [] } = request
  const arrived = once(server, 'request')
  const all = [request, ...followedBy]
  const client = new RawClient(port, all.map((one, i) => textOf(one, i === all.length - 1)).join(''))
  if (takesAt !== undefined) {
    await client.until((text) => text.includes(takesAt))
    await turns(20)
    client.leave()
    return client.all()
  }
  if (leavesAt === undefined) return client.all()
  if (leavesAt === '') await arrived
  else await client.until((text) => text.includes(leavesAt))
  client.leave()
  return ''
}

function textOf({ method = 'GET', path, headers = {}, body }: ParityRequest, isLast: boolean): string {
  const json = body && JSON.stringify(body)
  const fields = {
    host: 'a',
    ...(isLast && { connection: 'close' }),
    ...headers,
    ...(json && { 'content-type': 'application/json', 'content-length': String(Buffer.byteLength(json)) }),
  }
  const head = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${path} HTTP/1.1\r\n${head.join('')}\r\n${json ?? ''}`
}

/** One by one what came on one connection. */
function answersIn(bytes: string): readonly string[] {
  return bytes.split(/(?=HTTP\/1\.1 \d{3} )/)
}

function answerOf(bytes: string, ownWords: boolean) {
  const [head = '', ...rest] = bytes.split('\r\n\r\n')
  const [first = '', ...lines] = head.split('\r\n')
  const fields = new Map(
    lines.map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 2)]),
  )
  const status = Number(first.split(' ')[1]) || undefined
  if (ownWords) return { status }
  return {
    status,
    headers: Object.fromEntries(HEADERS.map((name) => [name, fields.get(name)])),
    body:
      fields.get('transfer-encoding') === 'chunked' || fields.has('content-encoding')
        ? undefined
        : rest.join('\r\n\r\n'),
  }
}

/** What differs from one run of the same app to the next. */
function lasting(bytes: string): string {
  return bytes.replace(/^(Date|Set-Cookie|Expires): .*\r\n/gim, '$1\r\n')
}

const played = new Map<string, Promise<Seen>>()
function seenBy(framework: Framework, scenario: Scenario): Promise<Seen> {
  const key = `${framework.name}\n${scenario.name}`
  let seen = played.get(key)
  if (!seen) {
    seen = play(framework, scenario)
    played.set(key, seen)
  }
  return seen
}

describe.each(FRAMEWORKS)('$name', (framework) => {
  it.each(SCENARIOS)('$name', async (scenario) => {
    const { bytes, trail } = await seenBy(framework, scenario)
    const answers = bytes.map((one) => answerOf(one, scenario.ownWords === true))
    expect(answers.map(({ status }) => status)).toEqual(scenario.status)
    expect(trail).toEqual(scenario.actions)
    const last = bytes.at(-1) ?? ''
    if (scenario.code) {
      expect(last).toContain('application/problem+json')
      expect(last).toContain(`"code":"${scenario.code}"`)
    }
  })

  it.each(SCENARIOS)('$name, as in Express 5', async (scenario) => {
    const [own, reference] = await Promise.all([
      seenBy(framework, scenario),
      seenBy(FRAMEWORKS[1] as Framework, scenario),
    ])
    expect(own.records).toEqual(reference.records)
    if (scenario.bare) return
    const ownWords = scenario.ownWords === true
    expect(own.bytes.map((one) => answerOf(one, ownWords))).toEqual(
      reference.bytes.map((one) => answerOf(one, ownWords)),
    )
  })

  it.each(SCENARIOS.filter(({ bare }) => bare))('$name, byte for byte as without Throughline', async (scenario) => {
    const [held, bare] = await Promise.all([seenBy(framework, scenario), play(framework, scenario, true)])
    expect(held.bytes.map(lasting)).toEqual(bare.bytes.map(lasting))
  })
})
