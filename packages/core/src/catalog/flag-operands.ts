import { BlockList, isIP, SocketAddress } from 'node:net'
import { Range, SemVer } from 'semver'
import { isDay } from '../moment.ts'

/** Times long before now: minutes, hours, days, weeks. */
const UNIT_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }
const MAX_VERSION = 256
const MAX_RANGE = 200

/** ms of `14d`, `90m`, `12h`, `2w`; `undefined` for what is no such length. */
export function lengthOfTime(text: unknown): number | undefined {
  const [, count, unit = ''] = (typeof text === 'string' && /^(\d{1,6})([mhdw])$/.exec(text)) || []
  return count === undefined ? undefined : Number(count) * (UNIT_MS[unit] as number)
}

/** A date, or a time, as ISO 8601 and databases write them. */
const TIME = /^(\d{4}-\d\d-\d\d)(?:[T ](\d\d:\d\d(?::\d\d(?:\.\d{1,9})?)?) ?(?:(Z)|([+-]\d\d)(?::?(\d\d))?)?)?$/

/**
 * ms of a text that is a date or a time; NaN for any other. One without a zone is UTC's, as SQL databases store it: it is
 * the same time in every process, wherever that runs.
 */
export function timeOfText(text: string): number {
  const [, day, time = '00:00', , hours = '+00', minutes = '00'] = TIME.exec(text) ?? []
  return day === undefined || !isDay(day) ? Number.NaN : Date.parse(`${day}T${time}${hours}:${minutes}`)
}

/** IPv4 addresses as IPv6 writes them: `::ffff:10.0.0.1`, `::ffff:a00:1`. */
const MAPPED = new BlockList()
MAPPED.addSubnet('::ffff:0:0', 96, 'ipv6')

/** Addresses in some blocks. */
export class AddressBlocks {
  // Apart: a list of both takes each IPv4 address for one of ::/0.
  readonly #ipv4 = new BlockList()
  readonly #ipv6 = new BlockList()

  /** @param blocks `10.0.0.0/8`, `2001:db8::/32`, or single addresses; each one an `isBlock` */
  constructor(blocks: readonly string[]) {
    for (const block of blocks) {
      const { address, family, bits } = readBlock(block) as Block
      const among = family === 'ipv4' ? this.#ipv4 : this.#ipv6
      among.addSubnet(address, bits, family)
    }
  }

  /** Whether the address is in one of them; an IPv4 address that is written as an IPv6 one counts as itself. */
  has(address: unknown): boolean {
    if (typeof address !== 'string') return false
    const [plain = ''] = address.split('%', 1)
    const family = familyOf(plain)
    if (family === undefined) return false
    // A list of IPv4 blocks knows these as well.
    const among = family === 'ipv4' || MAPPED.check(plain, family) ? this.#ipv4 : this.#ipv6
    return among.check(plain, family)
  }
}

interface Block {
  readonly address: string
  readonly family: 'ipv4' | 'ipv6'
  readonly bits: number
}

/** Whether it is an address, or an address and how many of its bits count. */
export function isBlock(text: unknown): boolean {
  return readBlock(text) !== undefined
}

function readBlock(text: unknown): Block | undefined {
  if (typeof text !== 'string') return undefined
  const [address = '', said, ...rest] = text.split('/', 3)
  const family = familyOf(address)
  if (family === undefined || rest.length > 0 || address.includes('%')) return undefined
  const all = family === 'ipv4' ? 32 : 128
  if (said !== undefined && (!/^\d{1,3}$/.test(said) || Number(said) > all)) return undefined
  const bits = said === undefined ? all : Number(said)
  const ipv4 = family === 'ipv6' && bits >= 96 ? mappedIn(new SocketAddress({ address, family }).address) : undefined
  return ipv4 === undefined ? { address, family, bits } : { address: ipv4, family: 'ipv4', bits: bits - 96 }
}

/** The IPv4 address that an IPv6 one stands for: `10.0.0.1` of `::ffff:10.0.0.1`. */
function mappedIn(address: string): string | undefined {
  return /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1]
}

function familyOf(address: string): 'ipv4' | 'ipv6' | undefined {
  const version = isIP(address)
  return version === 0 ? undefined : version === 4 ? 'ipv4' : 'ipv6'
}

/** Semantic versions. */
export interface VersionRange {
  /** A pre-release is in it only where the range names one of the same version. */
  has(version: unknown): boolean
}

/** A range of semantic versions, as npm reads them; `undefined` for what is none. */
export function versionRange(text: unknown): VersionRange | undefined {
  if (typeof text !== 'string' || text.trim() === '' || text.length > MAX_RANGE) return undefined
  const range = attempt(() => new Range(text))
  return (
    range && {
      has: (version) =>
        typeof version === 'string' &&
        version.length <= MAX_VERSION &&
        attempt(() => range.test(new SemVer(version))) === true,
    }
  )
}

/** What a call answers; `undefined` where it throws, as semver does for what is no version. */
function attempt<T>(call: () => T): T | undefined {
  try {
    return call()
  } catch {
    return undefined
  }
}
