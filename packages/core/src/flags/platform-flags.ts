import type { FlagDefinition } from '../catalog/definitions.ts'
import { flagProblems } from '../catalog/flag-problems.ts'
import { didYouMean } from '../did-you-mean.ts'
import { ThroughlineError } from '../errors.ts'
import type { OverrideOptions, PlatformPort } from '../platform-port.ts'
import type { Json } from '../vocabulary.ts'
import { PLATFORM } from '../vocabulary.ts'

/** Flags at run time: no deploy, and every process within 2 s. What was changed here wins over the catalog. */
export interface PlatformFlags<Key extends string = string> {
  /**
   * Replaces a flag's definition.
   *
   * @throws ThroughlineError `FLAG_UNKNOWN`, `FLAG_INVALID`
   */
  define(key: Key, definition: FlagDefinition): Promise<void>
  /** The catalog's definition counts again. */
  reset(key: Key): Promise<void>
  /**
   * A value for one tenant alone, before every rule: a boolean, or the name of a variant.
   *
   * @throws ThroughlineError `FLAG_UNKNOWN`, `FLAG_INVALID`, `TENANT_NOT_FOUND`
   */
  override(tenantId: string, key: Key, value: boolean | string, options?: OverrideOptions): Promise<void>
  clearOverride(tenantId: string, key: Key): Promise<void>
}

export function createPlatformFlags<Key extends string>(
  port: PlatformPort,
  catalog: Readonly<Record<string, FlagDefinition>>,
): PlatformFlags<Key> {
  const known = Object.keys(catalog)
  const check = (key: string): FlagDefinition => {
    const definition = Object.hasOwn(catalog, key) ? catalog[key] : undefined
    if (definition) return definition
    throw new ThroughlineError('FLAG_UNKNOWN', { message: `No flag has the key "${key}".${didYouMean(key, known)}` })
  }
  const current = async (key: string): Promise<FlagDefinition> => {
    const { documents } = await port.read({ tenant: PLATFORM, kinds: ['flags'], key })
    return documents[0] ? (documents[0].value as unknown as FlagDefinition) : check(key)
  }
  return {
    async define(key, definition) {
      const declared = check(key)
      const problems = [...flagProblems(definition, key)]
      if (problems.length === 0 && !definition.variants !== !declared.variants) {
        problems.push({ path: key, message: 'A flag stays what it was declared: boolean, or with variants.' })
      }
      if (problems.length > 0) {
        const message = problems.map((problem) => `${problem.path}: ${problem.message}`).join(' ')
        throw new ThroughlineError('FLAG_INVALID', { message, details: { problems } })
      }
      const before = await current(key)
      await port.commit(PLATFORM, {
        writes: [{ kind: 'flags', tenant: PLATFORM, key, value: definition as unknown as Json }],
        event: {
          action: 'flag.defined',
          targets: [{ type: 'flag', id: key }],
          metadata: { before: before as unknown as Json, after: definition as unknown as Json },
        },
      })
    },
    async reset(key) {
      check(key)
      await port.commit(PLATFORM, {
        writes: [{ kind: 'flags', tenant: PLATFORM, key, value: null }],
        event: { action: 'flag.reset', targets: [{ type: 'flag', id: key }] },
      })
    },
    async override(tenantId, key, value, { until } = {}) {
      const { variants } = check(key)
      const valid = variants ? typeof value === 'string' && Object.hasOwn(variants, value) : typeof value === 'boolean'
      if (!valid) {
        const message = variants
          ? `"${String(value)}" is no variant of "${key}".${didYouMean(String(value), Object.keys(variants))}`
          : `"${key}" is a boolean flag.`
        throw new ThroughlineError('FLAG_INVALID', { message })
      }
      const end = until === undefined ? undefined : new Date(until).getTime()
      if (end !== undefined && Number.isNaN(end))
        throw new ThroughlineError('FLAG_INVALID', { message: '"until" is no time.' })
      await port.commitFor(tenantId, {
        writes: [
          { kind: 'flag_overrides', tenant: tenantId, key, value: { value, ...(end !== undefined && { until: end }) } },
        ],
        event: {
          action: 'flag.overridden',
          targets: [{ type: 'flag', id: key }],
          metadata: { value, ...(end !== undefined && { until: new Date(end).toISOString() }) },
        },
      })
    },
    async clearOverride(tenantId, key) {
      check(key)
      await port.commitFor(tenantId, {
        writes: [{ kind: 'flag_overrides', tenant: tenantId, key, value: null }],
        event: { action: 'flag.override_cleared', targets: [{ type: 'flag', id: key }] },
      })
    },
  }
}
