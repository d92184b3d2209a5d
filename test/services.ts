import { connect } from 'node:net'

/** A server that some tests need, by its URL. */
export interface Service {
  readonly url: string
  readonly isReachable: boolean
}

const CONNECT_MS = 1_000

/** Postgres at `THROUGHLINE_TEST_POSTGRES`, else where it listens on this host. */
export function postgresService(): Promise<Service> {
  return serviceAt('Postgres', 'THROUGHLINE_TEST_POSTGRES', 'postgres://root@127.0.0.1:5432/test')
}

/** Redis at `THROUGHLINE_TEST_REDIS`, else where it listens on this host. */
export function redisService(): Promise<Service> {
  return serviceAt('Redis', 'THROUGHLINE_TEST_REDIS', 'redis://127.0.0.1:6379')
}

/**
 * Looks whether a server can be reached. Where it can not, tests that need it say so in a line and are skipped, unless
 * `THROUGHLINE_REQUIRE_SERVICES=1`.
 */
async function serviceAt(name: string, variable: string, fallback: string): Promise<Service> {
  const url = process.env[variable] ?? fallback
  const isReachable = await accepts(new URL(url))
  if (isReachable) return { url, isReachable }
  const sentence = `${name} can not be reached at ${new URL(url).host} (name another one by ${variable})`
  if (process.env.THROUGHLINE_REQUIRE_SERVICES === '1') throw new Error(`${sentence}.`)
  console.warn(`${sentence}: what needs it is skipped.`)
  return { url, isReachable }
}

function accepts({ hostname, port, protocol }: URL): Promise<boolean> {
  return new Promise((resolve) => {
    const standard = protocol.startsWith('redis') ? 6_379 : 5_432
    const socket = connect({ host: hostname, port: port === '' ? standard : Number(port), timeout: CONNECT_MS })
    const end = (answer: boolean): void => {
      socket.destroy()
      resolve(answer)
    }
    socket.on('connect', () => end(true))
    socket.on('error', () => end(false))
    socket.on('timeout', () => end(false))
  })
}
