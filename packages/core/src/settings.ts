import type { Catalog } from './catalog/definitions.ts'
import { catalogOf, checkThroughlineOptions, isObject } from './check-throughline-options.ts'
import type { Clock } from './clock.ts'
import { systemClock } from './clock.ts'
import { OptionProblems } from './option-problems.ts'
import type {
  JournalSettings,
  Layer,
  LimitingOptions,
  Logger,
  Mode,
  TelemetryOptions,
  TenantsOptions,
  ThroughlineOptions,
} from './options.ts'
import { memoryStorage } from './storage/memory.ts'
import type { Storage } from './storage/storage.ts'

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
  readonly loadShedding: ThroughlineOptions['loadShedding'] | undefined
  readonly snapshots: { readonly max: number; readonly maxStale: number }
  readonly migrate: 'auto' | 'check'
  readonly telemetry: Required<TelemetryOptions>
  readonly clock: Clock
  readonly logger: Logger
}

/** A decision on a limit is had within 50 ms, the one in this process's place included. */
const LIMITS_TIMEOUT_MS = 40
const SPILL_BYTES = 64 * 1024 * 1024

/**
 * Reads and checks options, once.
 *
 * @throws ThroughlineError `OPTIONS_INVALID`: one error that lists everything that is wrong, in `details.problems`
 */
export function readOptions(options: ThroughlineOptions): Settings {
  const problems = new OptionProblems()
  if (isObject(options)) checkThroughlineOptions(options, problems)
  else problems.add('options', 'They must be an object.')
  problems.refuse()
  return settingsOf(options)
}

/** What options say, with what counts where they say nothing. */
function settingsOf(options: ThroughlineOptions): Settings {
  const { storage = memoryStorage(), clock = systemClock(), logger = console } = options
  const { tenants = {}, limiting = {}, snapshots = {}, telemetry = {} } = options
  return {
    catalog: catalogOf(options),
    storage,
    tenants,
    mode: modesOf(options.mode),
    journal: journalOf(options.journal),
    limiting: {
      timeoutMs: limiting.timeoutMs ?? LIMITS_TIMEOUT_MS,
      share: limiting.share ?? 1,
      headers: limiting.headers ?? 'draft',
    },
    loadShedding: options.loadShedding,
    snapshots: { max: snapshots.max ?? 10_000, maxStale: snapshots.maxStale ?? 300_000 },
    migrate: options.migrate ?? 'auto',
    telemetry: { tenantAttribute: telemetry.tenantAttribute ?? 'tenant.id', spans: telemetry.spans ?? true },
    clock,
    logger,
  }
}

function modesOf(mode: ThroughlineOptions['mode'] = 'enforce'): Settings['mode'] {
  const modeOf = (layer: Layer): Mode => (typeof mode === 'string' ? mode : (mode[layer] ?? 'enforce'))
  return {
    resolution: modeOf('resolution'),
    membership: modeOf('membership'),
    limits: modeOf('limits'),
    quotas: modeOf('quotas'),
  }
}

function journalOf({
  secret,
  durability,
  spill,
  lanes,
  drainTimeout,
  project,
}: JournalSettings = {}): Settings['journal'] {
  return {
    secret,
    durability: durability ?? 'process',
    lanes: lanes ?? 1,
    drainTimeout: drainTimeout ?? 2_000,
    project: project ?? true,
    spill: spill === false ? false : { directory: spill?.directory, maxBytes: spill?.maxBytes ?? SPILL_BYTES },
  }
}
