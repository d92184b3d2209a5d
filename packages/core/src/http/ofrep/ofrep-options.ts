import { didYouMean } from '../../did-you-mean.ts'
import { ThroughlineError } from '../../errors.ts'
import type { OptionCheck } from '../check-options.ts'
import { checkOptions } from '../check-options.ts'

export interface OfrepOptions {
  /** A limit of the catalog, of which each call takes one unit; beyond it a call is answered 429 with `Retry-After`. */
  readonly limit?: string
  /** The change stream; `false` for none, and clients poll. */
  readonly streams?: false | StreamOptions
  /**
   * Scheme and host under which clients reach the app, for the address of the change stream:
   * `https://flags.example.com`. What the request says unless given.
   */
  readonly origin?: string
}

export interface StreamOptions {
  /** Open streams of one tenant in this process; 100 unless given. */
  readonly perTenant?: number
  /** Open streams of this process; 5,000 unless given. */
  readonly perProcess?: number
  /** ms between two signs of life, each of which looks again whether the actor may still listen; 25,000 unless given. */
  readonly keepAlive?: number
  /**
   * ms after which a stream ends, so that its client comes back through the app's login; 3,600,000 (an hour) unless
   * given.
   */
  readonly lifetime?: number
}

const isCount = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) > 0
const COUNT: OptionCheck = [isCount, 'be a whole number above 0']

const CHECKS = {
  limit: [(value: unknown) => typeof value === 'string', 'be the name of a limit'],
  streams: [
    (value: unknown) => value === false || (typeof value === 'object' && value !== null),
    'be false or options',
  ],
  origin: [
    (value: unknown) => originOf(value) !== undefined,
    'be a scheme and a host, as in https://flags.example.com',
  ],
} as const
const STREAM_CHECKS = {
  perTenant: COUNT,
  perProcess: COUNT,
  keepAlive: [(value: unknown) => isCount(value) && (value as number) <= 600_000, 'be ms, up to 600,000'],
  lifetime: COUNT,
} as const

/** @throws ThroughlineError `OPTIONS_INVALID` */
export function checkOfrepOptions(options: OfrepOptions, limits: readonly string[]): void {
  checkOptions('ofrep', options, CHECKS)
  checkOptions('ofrep: streams', options.streams || {}, STREAM_CHECKS)
  const { limit } = options
  if (limit !== undefined && !limits.includes(limit)) {
    throw new ThroughlineError('OPTIONS_INVALID', {
      message: `ofrep: no limit has the name "${limit}".${didYouMean(limit, limits)}`,
    })
  }
}

/** The origin that a scheme and a host make; `undefined` for what says more than that, or is no address. */
export function originOf(value: unknown): string | undefined {
  if (typeof value !== 'string' || !URL.canParse(value)) return undefined
  const { href, origin, protocol } = new URL(value)
  return (protocol === 'https:' || protocol === 'http:') && href === `${origin}/` ? origin : undefined
}
