import type { Catalog } from './catalog/definitions.ts'
import { validateCatalog } from './catalog/index.ts'
import type { OptionProblems } from './option-problems.ts'
import type {
  JournalSettings,
  Layer,
  LimitingOptions,
  TelemetryOptions,
  TenantsOptions,
  ThroughlineOptions,
} from './options.ts'

type Part<K extends keyof ThroughlineOptions> = NonNullable<ThroughlineOptions[K]>

const CATALOG_KEYS = ['segments', 'flags', 'limits', 'meters', 'plans', 'config'] as const
const LAYERS: readonly Layer[] = ['resolution', 'membership', 'limits', 'quotas']
const SHAPE = {
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
} as const
const OBJECTS = ['journal', 'limiting', 'loadShedding', 'snapshots', 'telemetry'] as const
/** As OpenTelemetry names attributes. */
const ATTRIBUTE = /^[a-zA-Z][\w.-]{0,99}$/

/** Reports everything that is wrong with options, their catalog included. */
export function checkThroughlineOptions(options: ThroughlineOptions, problems: OptionProblems): void {
  checkKeys(options, problems)
  checkCatalog(options, problems)
  checkModes(options.mode, problems)
  for (const part of OBJECTS) {
    if (options[part] !== undefined && !isObject(options[part])) problems.add(part, 'It must be an object.')
  }
  const { clock, logger, journal, limiting, loadShedding, snapshots, telemetry, tenants, storage } = options
  if (clock !== undefined && typeof clock?.now !== 'function') problems.add('clock', 'It must have now().')
  if (logger !== undefined && typeof logger?.warn !== 'function') problems.add('logger', 'It must have warn().')
  problems.oneOf('migrate', options.migrate, ['auto', 'check'])
  if (isObject(journal)) checkJournal(journal, problems)
  if (isObject(limiting)) checkLimiting(limiting, problems)
  if (isObject(loadShedding)) checkShedding(loadShedding, problems)
  if (isObject(snapshots)) checkSnapshots(snapshots, problems)
  if (isObject(telemetry)) checkTelemetry(telemetry, problems)
  if (tenants !== undefined && tenants !== 'ours') checkTenants(tenants, problems)
  if (storage !== undefined && typeof storage?.records?.append !== 'function') {
    problems.add('storage', 'It must be a storage: memoryStorage(), knexStorage(…) or one of your own.')
  }
}

/** The catalog of options: whole, or made of the parts that are given inline. */
export function catalogOf(options: ThroughlineOptions): Catalog {
  return options.catalog === undefined ? inlineCatalog(options) : options.catalog
}

function inlineCatalog(options: ThroughlineOptions): Catalog {
  return Object.fromEntries(CATALOG_KEYS.filter((key) => options[key] !== undefined).map((key) => [key, options[key]]))
}

function checkKeys(options: ThroughlineOptions, problems: OptionProblems): void {
  problems.unknownKeys('', options, SHAPE[''])
  for (const part of ['tenants', 'mode', ...OBJECTS] as const) problems.unknownKeys(part, options[part], SHAPE[part])
  problems.unknownKeys('journal.spill', options.journal?.spill, SHAPE['journal.spill'])
}

function checkCatalog(options: ThroughlineOptions, problems: OptionProblems): void {
  const inline = Object.keys(inlineCatalog(options))
  if (options.catalog && inline.length > 0) {
    problems.add(
      inline.join(', '),
      'The catalog is given whole under "catalog"; its parts can not be given inline too.',
    )
  }
  const tenantsListed = options.tenants === 'ours' || typeof options.tenants?.list === 'function'
  problems.addAll(validateCatalog(catalogOf(options), { tenantsListed }))
}

function checkJournal(
  { secret, durability, spill, lanes, drainTimeout, project }: JournalSettings,
  problems: OptionProblems,
): void {
  problems.oneOf('journal.durability', durability, ['process', 'disk'])
  problems.whole('journal.lanes', lanes, 1, 64)
  problems.whole('journal.drainTimeout', drainTimeout, 0, 600_000)
  if (project !== undefined && typeof project !== 'boolean')
    problems.add('journal.project', 'It must be true or false.')
  if (isObject(spill)) {
    problems.whole('journal.spill.maxBytes', spill.maxBytes, 4_096, Number.MAX_SAFE_INTEGER)
    const { directory } = spill
    if (directory !== undefined && (typeof directory !== 'string' || directory === '')) {
      problems.add('journal.spill.directory', 'It must be the path of a folder.')
    }
  } else if (spill !== undefined && spill !== false) {
    problems.add('journal.spill', 'It must be false, or { directory, maxBytes }.')
  }
  if (secret !== undefined && (typeof secret !== 'string' || secret.length < 32)) {
    problems.add('journal.secret', 'The secret must have at least 32 characters.')
  }
}

function checkLimiting({ timeoutMs, share, headers }: LimitingOptions, problems: OptionProblems): void {
  problems.whole('limiting.timeoutMs', timeoutMs, 1, 60_000)
  if (share !== undefined && !(typeof share === 'number' && share > 0 && share <= 1)) {
    problems.add('limiting.share', `It is ${String(share)}; it must be above 0 and at most 1.`)
  }
  problems.oneOf('limiting.headers', headers, ['draft', 'legacy', 'both', 'none'])
}

function checkShedding({ maxDelayMs, weight, delayMs }: Part<'loadShedding'>, problems: OptionProblems): void {
  if (!(typeof maxDelayMs === 'number' && maxDelayMs > 0 && Number.isFinite(maxDelayMs))) {
    problems.add('loadShedding.maxDelayMs', `It is ${String(maxDelayMs)}; it must be a number of ms above 0.`)
  }
  for (const [name, value] of Object.entries({ weight, delayMs })) {
    if (value !== undefined && typeof value !== 'function')
      problems.add(`loadShedding.${name}`, 'It must be a function.')
  }
}

function checkModes(mode: ThroughlineOptions['mode'], problems: OptionProblems): void {
  const modes = isObject(mode) ? Object.entries(mode) : [['', mode] as const]
  for (const [layer, value] of modes)
    problems.oneOf(layer === '' ? 'mode' : `mode.${layer}`, value, ['enforce', 'observe'])
}

function checkSnapshots({ max, maxStale }: Part<'snapshots'>, problems: OptionProblems): void {
  problems.whole('snapshots.max', max, 1, 1_000_000)
  problems.whole('snapshots.maxStale', maxStale, 0, 86_400_000)
}

function checkTelemetry({ tenantAttribute, spans }: TelemetryOptions, problems: OptionProblems): void {
  if (tenantAttribute !== undefined && !(typeof tenantAttribute === 'string' && ATTRIBUTE.test(tenantAttribute))) {
    problems.add(
      'telemetry.tenantAttribute',
      'It must be a name of letters, digits, ".", "_" and "-", such as tenant.id.',
    )
  }
  if (spans !== undefined && typeof spans !== 'boolean') problems.add('telemetry.spans', 'It must be true or false.')
}

function checkTenants(tenants: TenantsOptions, problems: OptionProblems): void {
  if (!isObject(tenants)) {
    const given = typeof tenants === 'function' ? 'A function' : `"${String(tenants)}"`
    problems.add('tenants', `${given} is not known; give 'ours' or { load, list, isMember }.`)
    return
  }
  for (const name of ['load', 'list', 'isMember'] as const) {
    if (tenants[name] !== undefined && typeof tenants[name] !== 'function') {
      problems.add(`tenants.${name}`, 'It must be a function.')
    }
  }
}

export function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
