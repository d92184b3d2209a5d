import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { normaliseActor } from '../actor.ts'
import { ThroughlineError } from '../errors.ts'
import { isTenantId } from '../tenant-id.ts'
import type { ActorInput } from '../vocabulary.ts'

const HEADER = 'x-throughline-test-identity'
/** Of this process alone: no other process can make an identity that this one believes. */
const KEY = randomBytes(32)

export interface TestIdentity {
  readonly tenant: string
  readonly actor: ActorInput
}

/**
 * Makes a request of supertest (or superagent) a given tenant's, whatever the app's login would have said. Only an
 * instance of `createTestThroughline` in this process believes it.
 *
 * @example await request(app).get('/reports').use(asTenant('acme', { actor: { id: 'ada' } }))
 * @throws ThroughlineError `OPTIONS_INVALID` for what can be no tenant's id, or an actor that is none
 */
export function asTenant(
  tenant: string,
  options: { readonly actor?: ActorInput } = {},
): (request: { set(name: string, value: string): unknown }) => void {
  if (!isTenantId(tenant)) throw miscalled("the first parameter must be a tenant's id, a text.")
  if (typeof options !== 'object' || options === null) throw miscalled('the second parameter must be { actor }.')
  // An actor in the place of the options would be passed over, and the test be somebody else's.
  const unknown = Object.keys(options).find((name) => name !== 'actor')
  if (unknown !== undefined) throw miscalled(`the second parameter is { actor }; "${unknown}" is not known.`)
  const { actor = { id: 'test' } } = options
  if (!normaliseActor(actor)) throw miscalled('"actor" must be { id, type?, name?, roles? }.')
  const body = Buffer.from(JSON.stringify({ tenant, actor })).toString('base64url')
  const value = `${body}.${sign(body).toString('base64url')}`
  return (request) => void request.set(HEADER, value)
}

/** The identity a request was given by {@link asTenant}. */
export function readTestIdentity(message: IncomingMessage): TestIdentity | undefined {
  const value = message.headers[HEADER]
  if (typeof value !== 'string') return undefined
  const [body = '', seal = ''] = value.split('.')
  const expected = sign(body)
  const found = Buffer.from(seal, 'base64url')
  if (found.length !== expected.length || !timingSafeEqual(found, expected)) return undefined
  return JSON.parse(Buffer.from(body, 'base64url').toString()) as TestIdentity
}

function miscalled(problem: string): ThroughlineError {
  return new ThroughlineError('OPTIONS_INVALID', {
    message: `asTenant: ${problem} It is called as asTenant('acme', { actor: { id: 'ada' } }).`,
    details: { problems: [problem] },
  })
}

function sign(body: string): Buffer {
  return createHmac('sha256', KEY).update(body).digest()
}
