import type { Catalog } from './catalog/definitions.ts'
import type { Clock } from './clock.ts'
import { systemClock } from './clock.ts'
import { didYouMean } from './did-you-mean.ts'
import { ThroughlineError } from './errors.ts'
import type { LimitHeaders, LoadSheddingOptions } from './limits/index.ts'
import type { MaybePromise } from './storage/limits.ts'
import { memoryStorage } from './storage/memory.ts'
import type { Storage } from './storage/storage.ts'
import type { ListTenants } from './tenants/list-tenants.ts'
import type { IsMember } from './tenants/membership.ts'
import type { TenantRow } from './tenants/tenant-row.ts'

/** `observe` lets a refused call through and records what would have been refused. */
export type Mode = 'enforce' | 'observe'

/** What can be observed before it is enforced. */
export type Layer = 'resolution' | 'membership' | 'limits' | 'quotas'

export interface TenantsOptions {
  /** Reads the app's own organizations table; null or undefined: no such tenant. */
  readonly load?: (id: string) => MaybePromise<TenantRow | null | undefined>
  /**
   * Every tenant of the app's: whole rows, as `load` answers them, or ids. For what is asked across tenants, as
   * `platform.flags.preview`, and for flags that are rolled out to `exactly` so many; no request waits for it, but the
   * start does for these, 10 s at the most.
   */
  readonly list?: ListTenants
  /** The app's own membership: false, true, or the member's roles. */
  readonly isMember?: IsMember
}

export interface JournalSettings {
  /** Key of the journal's seal, at least 32 characters. Without one the storage keeps a key of its own beside the data. */
  readonly secret?: string
  /** `process` (default): what was acknowledged survives `kill -9`. `disk`: loss of power too. */
  readonly durability?: 'process' | 'disk'
  /** Where batches wait when the database can't be reached; `false`: they are refused instead. */
  readonly spill?: false | { readonly directory?: string; readonly maxBytes?: number }
  /** Lanes of the projector, 1 to 64; 1 unless said. */
  readonly lanes?: number
  /** ms a read waits for the projector at the most; 2,000 unless said. */
  readonly drainTimeout?: number
  /** `false`: another process projects. */
  readonly project?: boolean
}

/** How limits are decided. */
export interface LimitingOptions {
  /** ms after which the limits store counts as not answering; 40 unless said. */
  readonly timeoutMs?: number
  /**
   * The part of each limit that this process allows by itself while the limits store does not answer, above 0 and up to
   * 1: with four processes 0.25 keeps the whole. 1 unless said.
   */
  readonly share?: number
  /** What the guard `rateLimit` tells clients: the IETF draft's headers unless said. */
  readonly headers?: LimitHeaders
}

/** What `createThroughline` takes: the catalog (whole, or its parts inline), and where things are. */
export interface ThroughlineOptions extends Catalog {
  readonly catalog?: Catalog
  /** In memory unless said. */
  readonly storage?: Storage
  /** `'ours'`: tenants and members in our own tables. Or the app's own, read by functions. */
  readonly tenants?: 'ours' | TenantsOptions
  readonly mode?: Mode | Partial<Readonly<Record<Layer, Mode>>>
  readonly journal?: JournalSettings
  readonly limiting?: LimitingOptions
  /** Refuses calls with 503 while this process is saturated, by the priority of their limits. Off unless given. */
  readonly loadShedding?: LoadSheddingOptions
  readonly snapshots?: { readonly max?: number; readonly maxStale?: number }
  /** `auto` migrates at the start; `check` refuses to start on an older schema. */
  readonly migrate?: 'auto' | 'check'
  /** How OpenTelemetry shows it, where the app registers an SDK. */
  readonly telemetry?: TelemetryOptions
  readonly clock?: Clock
  /**
   * Told of failures that no caller sees: of each kind at once, then every 10 s with how many there were. `console` unless
   * said.
   */
  readonly logger?: Logger
}

export interface TelemetryOptions {
  /** Name of the span attribute that holds the tenant's id; `tenant.id` unless said. */
  readonly tenantAttribute?: string
  /** `false`: the tenant is named on the app's spans, and Throughline adds none of its own. */
  readonly spans?: boolean
}

export interface Logger {
  warn(message: string, details?: unknown): void
}

/** Options, read: nothing optional is left. */
export interface Settings {
  readonly catalog: Catalog
  readonly storage: Storage
  readonly tenants: 'ours' | TenantsOptions
  readonly mode: Readonly<Record<Layer, Mode>>
  readonly journal: Required<Omit<JournalSettings, 'secret' | 'spill'>> & {
    readonly secret: string | undefined
    readonly spill: false | { readonly directory: string | undefined; readonly maxBytes: number }
  }
  readonly limiting: Required<LimitingOptions>
  readonly loadShedding: LoadSheddingOptions | undefined
  readonly snapshots: { readonly max: number; readonly maxStale: number }
  readonly migrate: 'auto' | 'check'
  readonly telemetry: Required<TelemetryOptions>
  readonly clock: Clock
  readonly logger: Logger
}

interface Problem {
  readonly path: string
  readonly message: string
}

/** A decision on a limit is had within 50 ms, the one in this process's place included. */
const LIMITS_TIMEOUT_MS = 40

const LAYERS: readonly Layer[] = ['resolution', 'membership', 'limits', 'quotas']
const CATALOG_KEYS = ['segments', 'flags', 'limits', 'meters', 'plans', 'config'] as const
const SHAPE: Readonly<Record<string, readonly string[]>> = {
  '': [
    ...CATALOG_KEYS,
    'catalog',
    'storage',
    'tenants',
    'mode',
    'journal',
    'limiting',
    'loadShedding',
    'snapshots',
    'migrate',
    'telemetry',
    'clock',
    'logger',
  ],
  tenants: ['load', 'list', 'isMember'],
  mode: LAYERS,
  journal: ['secret', 'durability', 'spill', 'lanes', 'drainTimeout', 'project'],
  'journal.spill': ['directory', 'maxBytes'],
  limiting: ['timeoutMs', 'share', 'headers'],
  loadShedding: ['maxDelayMs', 'weight', 'delayMs'],
  snapshots: ['max', 'maxStale'],
  telemetry: ['tenantAttribute', 'spans'],
}
/** As OpenTelemetry names attributes. */
const ATTRIBUTE = /^[a-zA-Z][\w.-]{0,99}$/

/**
 * Reads and checks options, once.
 *
 * @throws ThroughlineError `OPTIONS_INVALID`: one error that lists everything that is wrong, in `details.problems`
 */
export function readOptions(
  options: ThroughlineOptions,
  validateCatalog: (catalog: unknown, around: { readonly tenantsListed: boolean }) => readonly Problem[],
): Settings {
  const problems: Problem[] = []
  const at = (path: string, message: string): void => void problems.push({ path, message })
  if (!isPlain(options)) throw optionsError([{ path: 'options', message: 'They must be an object.' }])
  unknownKeys(options, '', at)
  for (const part of ['tenants', 'mode', 'journal', 'limiting', 'loadShedding', 'snapshots', 'telemetry'] as const)
    unknownKeys(options[part], part, at)
  unknownKeys(options.journal?.spill, 'journal.spill', at)

  const inline = Object.fromEntries(
    CATALOG_KEYS.filter((key) => options[key] !== undefined).map((k) => [k, options[k]]),
  )
  if (options.catalog && Object.keys(inline).length > 0) {
    at(
      Object.keys(inline).join(', '),
      'The catalog is given whole under "catalog"; its parts can not be given inline too.',
    )
  }
  const catalog: Catalog = options.catalog === undefined ? inline : options.catalog
  const tenantsListed = options.tenants === 'ours' || typeof options.tenants?.list === 'function'
  problems.push(...validateCatalog(catalog, { tenantsListed }))

  checkModes(options.mode, at)
  for (const part of ['journal', 'limiting', 'loadShedding', 'snapshots', 'telemetry'] as const) {
    if (options[part] !== undefined && !isPlain(options[part])) at(part, 'It must be an object.')
  }
  if (options.clock !== undefined && typeof options.clock?.now !== 'function') at('clock', 'It must have now().')
  if (options.logger !== undefined && typeof options.logger?.warn !== 'function') at('logger', 'It must have warn().')
  const journal: JournalSettings = isPlain(options.journal) ? options.journal : {}
  const snapshots = isPlain(options.snapshots) ? options.snapshots : {}
  const limiting: LimitingOptions = isPlain(options.limiting) ? options.limiting : {}
  const telemetry: TelemetryOptions = isPlain(options.telemetry) ? options.telemetry : {}
  const tenants = options.tenants === undefined ? {} : options.tenants
  oneOf('journal.durability', journal.durability, ['process', 'disk'], at)
  oneOf('migrate', options.migrate, ['auto', 'check'], at)
  whole('journal.lanes', journal.lanes, 1, 64, at)
  whole('journal.drainTimeout', journal.drainTimeout, 0, 600_000, at)
  checkLimiting(limiting, at)
  if (isPlain(options.loadShedding)) checkShedding(options.loadShedding, at)
  whole('snapshots.max', snapshots.max, 1, 1_000_000, at)
  whole('snapshots.maxStale', snapshots.maxStale, 0, 86_400_000, at)
  if (journal.spill) whole('journal.spill.maxBytes', journal.spill.maxBytes, 4_096, Number.MAX_SAFE_INTEGER, at)
  if (journal.secret !== undefined && (typeof journal.secret !== 'string' || journal.secret.length < 32)) {
    at('journal.secret', 'The secret must have at least 32 characters.')
  }
  const { tenantAttribute, spans } = telemetry
  if (tenantAttribute !== undefined && !(typeof tenantAttribute === 'string' && ATTRIBUTE.test(tenantAttribute))) {
    at('telemetry.tenantAttribute', 'It must be a name of letters, digits, ".", "_" and "-", such as tenant.id.')
  }
  if (spans !== undefined && typeof spans !== 'boolean') at('telemetry.spans', 'It must be true or false.')
  if (tenants !== 'ours' && !isPlain(tenants)) {
    const given = typeof tenants === 'function' ? 'A function' : `"${String(tenants)}"`
    at('tenants', `${given} is not known; give 'ours' or { load, list, isMember }.`)
  } else if (tenants !== 'ours') {
    for (const name of ['load', 'list', 'isMember'] as const) {
      if (tenants[name] !== undefined && typeof tenants[name] !== 'function')
        at(`tenants.${name}`, 'It must be a function.')
    }
  }
  if (options.storage !== undefined && typeof options.storage?.records?.append !== 'function') {
    at('storage', 'It must be a storage: memoryStorage(), knexStorage(…) or one of your own.')
  }
  if (problems.length > 0) throw optionsError(problems)

  const { storage = memoryStorage(), mode = 'enforce', clock = systemClock(), logger = console } = options
  const modeOf = (layer: Layer): Mode => (typeof mode === 'string' ? mode : (mode[layer] ?? 'enforce'))
  return {
    catalog,
    storage,
    tenants,
    mode: {
      resolution: modeOf('resolution'),
      membership: modeOf('membership'),
      limits: modeOf('limits'),
      quotas: modeOf('quotas'),
    },
    journal: {
      secret: journal.secret,
      durability: journal.durability ?? 'process',
      lanes: journal.lanes ?? 1,
      drainTimeout: journal.drainTimeout ?? 2_000,
      project: journal.project ?? true,
      spill:
        journal.spill === false
          ? false
          : { directory: journal.spill?.directory, maxBytes: journal.spill?.maxBytes ?? 64 * 1024 * 1024 },
    },
    limiting: {
      timeoutMs: limiting.timeoutMs ?? LIMITS_TIMEOUT_MS,
      share: limiting.share ?? 1,
      headers: limiting.headers ?? 'draft',
    },
    loadShedding: options.loadShedding,
    snapshots: { max: snapshots.max ?? 10_000, maxStale: snapshots.maxStale ?? 300_000 },
    migrate: options.migrate ?? 'auto',
    telemetry: { tenantAttribute: tenantAttribute ?? 'tenant.id', spans: spans ?? true },
    clock,
    logger,
  }
}

function checkLimiting({ timeoutMs, share, headers }: LimitingOptions, at: Report): void {
  whole('limiting.timeoutMs', timeoutMs, 1, 60_000, at)
  if (share !== undefined && !(typeof share === 'number' && share > 0 && share <= 1)) {
    at('limiting.share', `It is ${String(share)}; it must be above 0 and at most 1.`)
  }
  oneOf('limiting.headers', headers, ['draft', 'legacy', 'both', 'none'], at)
}

function checkShedding({ maxDelayMs, weight, delayMs }: LoadSheddingOptions, at: Report): void {
  if (!(typeof maxDelayMs === 'number' && maxDelayMs > 0 && Number.isFinite(maxDelayMs))) {
    at('loadShedding.maxDelayMs', `It is ${String(maxDelayMs)}; it must be a number of ms above 0.`)
  }
  for (const [name, value] of Object.entries({ weight, delayMs })) {
    if (value !== undefined && typeof value !== 'function') at(`loadShedding.${name}`, 'It must be a function.')
  }
}

function optionsError(problems: readonly Problem[]): ThroughlineError {
  const list = problems.map(({ path, message }) => `\n  - ${path}: ${message}`).join('')
  return new ThroughlineError('OPTIONS_INVALID', {
    message: `${problems.length === 1 ? 'One option is' : `${problems.length} options are`} not valid:${list}\n`,
    details: { problems },
  })
}

function isPlain(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

type Report = (path: string, message: string) => void

function unknownKeys(value: unknown, path: string, at: Report): void {
  if (typeof value !== 'object' || value === null) return
  const known = SHAPE[path] ?? []
  for (const key of Object.keys(value)) {
    if (known.includes(key)) continue
    at(path === '' ? key : `${path}.${key}`, `This option is not known.${didYouMean(key, known)}`)
  }
}

function checkModes(mode: ThroughlineOptions['mode'], at: Report): void {
  const modes = typeof mode === 'object' && mode !== null ? Object.entries(mode) : [['', mode] as const]
  for (const [layer, value] of modes) oneOf(layer === '' ? 'mode' : `mode.${layer}`, value, ['enforce', 'observe'], at)
}

function oneOf(path: string, value: unknown, known: readonly string[], at: Report): void {
  if (value === undefined || known.includes(value as string)) return
  at(path, `"${String(value)}" is not known; give one of ${known.join(', ')}.${didYouMean(String(value), known)}`)
}

function whole(path: string, value: unknown, min: number, max: number, at: Report): void {
  if (value === undefined || (Number.isSafeInteger(value) && (value as number) >= min && (value as number) <= max))
    return
  at(path, `It is ${String(value)}; it must be a whole number from ${min} to ${max}.`)
}
