import { once } from 'node:events'
import { Readable } from 'node:stream'
import {
  background,
  currentContext,
  currentTenant,
  meter,
  rateLimit,
  requireFlag,
  requirePlan,
  requireRole,
  strict,
  ThroughlineError,
} from '@throughline/core'
import type { Route } from './framework.ts'

export interface Scenario {
  readonly name: string
  readonly routes?: readonly Route[]
  /** Sent one after the other. */
  readonly requests: readonly ParityRequest[]
  readonly middleware?: 'compress' | 'session'
  readonly observe?: true
  /** Of each answer; `undefined` where the client has left. */
  readonly status: readonly (number | undefined)[]
  /** Our error's code in the last answer. */
  readonly code?: string
  /** What stands on acme's trail, oldest record first. */
  readonly actions: readonly string[]
  /** The framework words its own answer. */
  readonly ownWords?: true
  /** Answered by the app alone: the bytes are those of the app without Throughline. */
  readonly bare?: true
}

export interface ParityRequest {
  readonly method?: string
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: object
  /** The client leaves once it has seen this of the answer; '' before anything. */
  readonly leavesAt?: string
  /** The answer has no end in every framework: the client takes what has come soon after it has seen this. */
  readonly takesAt?: string
  /** Sent on the same connection in the same breath, before anything is answered. */
  readonly followedBy?: readonly ParityRequest[]
}

const ADA = { 'x-user': 'ada@acme' }
const get = (path: string, headers: Readonly<Record<string, string>> = ADA): ParityRequest => ({ path, headers })
const route = (path: string, handle: Route['handle'], guards?: Route['guards']): Route => ({
  method: 'get',
  path,
  handle,
  ...(guards && { guards }),
})
const hello: Route['handle'] = (answer) => answer.send(200, 'text/plain', 'hello')
const HANDLED = 'request.handled success'
const FAILED = 'request.handled failure'
const REFUSED = 'request.handled refused'
const LARGE = 'The quick brown fox jumps over the lazy dog. '.repeat(3_000)

const STATUS: Readonly<Record<string, number>> = { JSON: 201, '204': 204, 'a redirect': 302, '304': 304 }

const OWN = "Node's own response"

const HANDLERS: readonly (readonly [string, Route['handle']])[] = [
  ['text', hello],
  ['JSON', (answer) => answer.json(201, { id: 7 })],
  ['bytes', (answer) => answer.send(200, 'application/octet-stream', Buffer.from([0, 1, 255]))],
  ['a large body', (answer) => answer.send(200, 'text/plain', LARGE)],
  ['a stream', (answer) => answer.send(200, 'text/plain', Readable.from(['one ', 'two ', LARGE]))],
  ['an empty stream', (answer) => answer.send(200, 'text/plain', Readable.from([]))],
  ['204', (answer) => answer.empty(204)],
  ['a redirect', (answer) => answer.empty(302, { Location: '/elsewhere' })],
  ['304', (answer) => answer.empty(304, { ETag: '"7"' })],
  [
    OWN,
    (answer) => {
      const response = answer.raw()
      response.writeHead(200, { 'Content-Type': 'text/plain' })
      response.write('one ')
      response.end('two')
    },
  ],
]

const ANSWERS: readonly Scenario[] = HANDLERS.flatMap(([what, handle]) =>
  ['GET', 'HEAD'].flatMap((method) =>
    // Koa's session writes its cookie last, which is too late for a handler that takes Node's own response.
    ([undefined, 'compress', ...(what === OWN ? [] : (['session'] as const))] as const).map(
      (middleware): Scenario => ({
        name: `${method} of ${what}${middleware ? `, with ${middleware}` : ''}`,
        routes: [route('/reports/:id', handle)],
        requests: [{ method, path: '/reports/7?secret=1', headers: { ...ADA, 'accept-encoding': 'gzip' } }],
        status: [STATUS[what] ?? 200],
        actions: [HANDLED],
        ...(middleware && { middleware }),
        bare: true,
      }),
    ),
  ),
)

const DECISIONS: readonly Scenario[] = [
  {
    name: 'the context, with nested awaits',
    routes: [
      route('/whoami/:id', async (answer) => {
        await new Promise((resolve) => setImmediate(resolve))
        const { tenant, actor, request } = currentContext()
        return answer.json(200, { tenant: tenant.id, actor, path: request?.path, id: answer.params['id'] })
      }),
    ],
    requests: [get('/whoami/7')],
    status: [200],
    actions: [HANDLED],
  },
  { name: 'nobody', requests: [get('/x', {})], status: [401], code: 'ACTOR_REQUIRED', actions: [] },
  {
    name: 'a foreign tenant',
    requests: [get('/x', { 'x-user': 'eve@acme' })],
    status: [404],
    code: 'TENANT_NOT_FOUND',
    actions: [REFUSED, 'auth.refused refused TENANT_NOT_FOUND'],
  },
  {
    name: 'an unknown tenant',
    requests: [get('/x', { 'x-user': 'ada@nowhere' })],
    status: [404],
    code: 'TENANT_NOT_FOUND',
    actions: [],
  },
  {
    name: 'two sources that disagree',
    requests: [get('/x', { ...ADA, host: 'globex.example.com' })],
    status: [403],
    code: 'TENANT_DISAGREEMENT',
    actions: [REFUSED, 'auth.refused refused TENANT_DISAGREEMENT'],
  },
  {
    name: 'a spoofed header alone',
    requests: [get('/x', { 'x-tenant-id': 'acme' })],
    status: [401],
    code: 'ACTOR_REQUIRED',
    actions: [REFUSED, 'auth.refused refused ACTOR_REQUIRED'],
  },
  {
    name: "the app's own 401, on the trail that the host names",
    requests: [get('/x', { 'x-user': 'mallory@acme', host: 'acme.example.com' })],
    status: [401],
    actions: [REFUSED, 'auth.refused refused 401'],
    ownWords: true,
  },
  {
    name: "the app's own 403",
    routes: [route('/x', (answer) => answer.json(403, { no: true }))],
    requests: [get('/x')],
    status: [403],
    actions: [REFUSED, 'auth.refused refused 403'],
  },
  {
    name: "the app's own 404",
    requests: [get('/nothing-here')],
    status: [404],
    actions: [FAILED],
    ownWords: true,
  },
  {
    name: 'a route without a tenant',
    routes: [route('/health', (answer) => answer.json(200, { ok: true }))],
    requests: [get('/health')],
    status: [200],
    actions: [],
  },
  {
    name: 'an excluded route',
    routes: [route('/quiet', hello)],
    requests: [get('/quiet')],
    status: [200],
    actions: [],
  },
  {
    name: 'a limit',
    routes: [route('/x', hello, [rateLimit('api')])],
    requests: [get('/x'), get('/x'), get('/x')],
    status: [200, 200, 429],
    code: 'LIMIT_EXCEEDED',
    actions: [`${HANDLED} + limit.passed`, `${HANDLED} + limit.passed`, REFUSED, 'limit.refused refused'].flatMap(
      (line) => line.split(' + '),
    ),
  },
  {
    name: 'a flag that is off',
    routes: [route('/x', hello, [requireFlag('off')])],
    requests: [get('/x')],
    status: [404],
    code: 'FLAG_OFF',
    actions: [REFUSED, 'flag.refused refused FLAG_OFF', 'flag.evaluated'],
  },
  {
    name: 'a flag that is on',
    routes: [route('/x', hello, [requireFlag('on')])],
    requests: [get('/x')],
    status: [200],
    actions: [HANDLED, 'flag.evaluated'],
  },
  {
    name: 'a role that the actor has not',
    routes: [route('/x', hello, [requireRole('owner')])],
    requests: [get('/x')],
    status: [403],
    code: 'ROLE_REQUIRED',
    actions: [REFUSED, 'auth.refused refused ROLE_REQUIRED'],
  },
  {
    name: 'a plan that the tenant has not',
    routes: [route('/x', hello, [requirePlan('enterprise')])],
    requests: [get('/x')],
    status: [403],
    code: 'PLAN_REQUIRED',
    actions: [REFUSED, 'plan.refused refused PLAN_REQUIRED'],
  },
  {
    name: 'usage of a call that succeeds',
    routes: [route('/x', hello, [meter('reports')])],
    requests: [get('/x')],
    status: [200],
    actions: [HANDLED, 'usage.recorded'],
  },
  {
    name: 'no usage of a call that fails',
    routes: [route('/x', (answer) => answer.json(422, {}), [meter('reports')])],
    requests: [get('/x')],
    status: [422],
    actions: [FAILED],
  },
  {
    name: 'a quota that is used up',
    routes: [route('/x', hello, [meter('exports')])],
    requests: [get('/x'), get('/x')],
    status: [200, 429],
    code: 'QUOTA_EXCEEDED',
    actions: ['quota.reserved', HANDLED, 'usage.recorded', REFUSED, 'quota.refused refused'],
  },
  {
    name: 'a strict route',
    routes: [route('/x', hello, [strict()])],
    requests: [get('/x')],
    status: [200],
    actions: [HANDLED],
  },
  {
    name: 'a background route',
    routes: [route('/x', hello, [background()])],
    requests: [get('/x')],
    status: [200],
    actions: [HANDLED],
  },
  {
    name: 'an error of the app',
    routes: [
      route('/x', async () => {
        await Promise.resolve()
        throw new RangeError('out of it')
      }),
    ],
    requests: [get('/x')],
    status: [500],
    actions: [FAILED, 'error failure RangeError'],
    ownWords: true,
  },
  {
    name: 'an error of ours',
    routes: [
      route('/x', () => {
        throw new ThroughlineError('FLAG_OFF')
      }),
    ],
    requests: [get('/x')],
    status: [404],
    code: 'FLAG_OFF',
    actions: [FAILED],
  },
  {
    name: 'an error after the answer',
    routes: [
      route('/x', (answer) => {
        const response = answer.raw()
        response.statusCode = 200
        response.end('answered')
        throw new RangeError('too late')
      }),
    ],
    requests: [get('/x')],
    status: [200],
    actions: [HANDLED, 'error failure RangeError'],
  },
  {
    name: 'enter, by a webhook that names its tenant',
    routes: [
      {
        method: 'post',
        path: '/hook',
        early: true,
        handle: (answer) =>
          answer.enter(
            { tenant: (answer.body as { account: string }).account, actor: { type: 'service', id: 'billing' } },
            () => answer.json(200, { tenant: currentTenant().id }),
          ),
      },
    ],
    requests: [
      { method: 'POST', path: '/hook', body: { account: 'acme' } },
      { method: 'POST', path: '/hook', body: { account: 'nowhere' } },
    ],
    status: [200, 404],
    code: 'TENANT_NOT_FOUND',
    actions: [HANDLED],
  },
  {
    name: 'a client that leaves before the first byte',
    routes: [
      route(
        '/x',
        async (answer) => {
          const response = answer.raw()
          await once(response, 'close')
        },
        [meter('reports')],
      ),
    ],
    requests: [{ path: '/x', headers: ADA, leavesAt: '' }],
    status: [undefined],
    actions: [FAILED],
  },
  {
    name: 'a client that leaves midway',
    routes: [
      route(
        '/x',
        async (answer) => {
          const response = answer.raw()
          response.writeHead(200)
          response.write('one')
          await once(response, 'close')
        },
        [meter('reports')],
      ),
    ],
    requests: [{ path: '/x', headers: ADA, leavesAt: 'one' }],
    status: [undefined],
    actions: [FAILED, 'usage.recorded'],
  },
  {
    name: 'requests in a pipeline',
    routes: [
      route('/slow', async (answer) => {
        for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
        return answer.send(200, 'text/plain', 'slow')
      }),
      route('/stream', (answer) => answer.send(200, 'text/plain', Readable.from(['one ', 'two ', LARGE]))),
      route('/json', (answer) => answer.json(201, { id: 7 })),
      route('/empty', (answer) => answer.empty(204)),
    ],
    requests: [
      { ...get('/slow'), followedBy: [get('/json'), get('/stream'), get('/empty'), get('/slow')] },
      get('/json'),
    ],
    status: [200, 201, 200, 204, 200, 201],
    actions: [HANDLED, HANDLED, HANDLED, HANDLED, HANDLED, HANDLED],
    bare: true,
  },
  {
    name: 'requests in a pipeline, of which the last is refused',
    routes: [route('/x', hello, [rateLimit('api'), meter('reports')])],
    requests: [{ ...get('/x'), followedBy: [get('/x'), get('/x')] }],
    status: [200, 200, 429],
    code: 'LIMIT_EXCEEDED',
    // Answered last, it is the first that has an outcome: no handler was asked.
    actions: [
      ...[REFUSED, 'limit.refused refused'],
      ...[HANDLED, 'limit.passed', 'usage.recorded'],
      ...[HANDLED, 'limit.passed', 'usage.recorded'],
    ],
  },
  {
    name: 'a stream that fails midway',
    routes: [route('/x', (answer) => answer.send(200, 'text/plain', failingStream()), [meter('reports')])],
    requests: [{ ...get('/x'), takesAt: 'two ' }],
    status: [200],
    actions: [FAILED, 'error failure RangeError'],
    bare: true,
  },
  {
    name: 'a layer that only observes',
    observe: true,
    routes: [route('/x', hello, [rateLimit('api')])],
    requests: [get('/x', { 'x-user': 'eve@acme' }), get('/x'), get('/x'), get('/x')],
    status: [200, 200, 200, 200],
    actions: [
      ...[HANDLED, 'auth.refused refused TENANT_NOT_FOUND', 'limit.passed'],
      ...[HANDLED, 'limit.passed'],
      ...[HANDLED, 'limit.refused refused'],
      ...[HANDLED, 'limit.refused refused'],
    ],
  },
]

function failingStream(): Readable {
  return Readable.from(
    (async function* () {
      yield 'one '
      yield 'two '
      await new Promise((resolve) => setImmediate(resolve))
      throw new RangeError('out of it')
    })(),
  )
}

export const SCENARIOS: readonly Scenario[] = [...ANSWERS, ...DECISIONS]
