import type { StandardSchemaV1 } from '@standard-schema/spec'
import { didYouMean } from '../did-you-mean.ts'
import { isStandardSchema, planConfigProblems, schemaProblems } from './config-problems.ts'
import { flagProblems } from './flag-problems.ts'
import type { FlagSurroundings } from './flag-surroundings.ts'
import { limitNameProblems, limitProblems, quotaProblems } from './limit-problems.ts'
import { describe, isObject, join, type Problem, Problems } from './problems.ts'
import { checkSegments } from './segment-problems.ts'

const CATALOG_KEYS = ['segments', 'flags', 'limits', 'meters', 'plans', 'config']
const METER_KEYS = ['aggregate', 'unit', 'description']
const PLAN_KEYS = ['limits', 'quotas', 'features', 'config']

/** What a catalog is checked beside. */
type CatalogSurroundings = Pick<FlagSurroundings, 'tenantsListed'>

/**
 * Everything that is wrong with a catalog, at once. Never throws, whatever it is given.
 *
 * @returns the problems, each with its path; none if the catalog is right
 */
export function validateCatalog(catalog: unknown, around: CatalogSurroundings = {}): readonly Problem[] {
  const problems = new Problems()
  try {
    checkCatalog(problems, catalog, around)
  } catch (error) {
    problems.add('', `can not be read: ${error instanceof Error ? error.message : 'something was thrown'}`)
  }
  return problems.list
}

function checkCatalog(problems: Problems, catalog: unknown, around: CatalogSurroundings): void {
  if (!isObject(catalog)) {
    problems.add('', `The catalog must be an object, not ${describe(catalog)}.`)
    return
  }
  problems.unknownKeys('', catalog, CATALOG_KEYS)
  const part = (name: string): readonly (readonly [string, unknown])[] =>
    catalog[name] === undefined ? [] : problems.members(name, catalog[name])

  const flags = part('flags')
  const segments = part('segments')
  checkSegments(problems, 'segments', segments)
  const beside = { ...around, flags: Object.fromEntries(flags), segments: names(segments) }
  for (const [key, definition] of flags)
    problems.addAll(flagProblems(definition, join('flags', key), { ...beside, key }))
  const limits = part('limits')
  for (const [name, limit] of limits) {
    problems.addAll(limitNameProblems(name, join('limits', name)))
    checkLimit(problems, join('limits', name), limit, flags)
  }
  const meters = part('meters')
  for (const [name, meter] of meters) checkMeter(problems, join('meters', name), meter)
  const refusals = catalog.config === undefined ? [] : schemaProblems(catalog.config)
  problems.addAll(refusals)
  const known: Known = {
    flags: new Map(flags),
    limits: names(limits),
    meters: names(meters),
    schema: refusals.length === 0 && isStandardSchema(catalog.config) ? catalog.config : undefined,
    schemaBroken: refusals.length > 0,
  }
  for (const [name, plan] of part('plans')) checkPlan(problems, join('plans', name), plan, known)
}

interface Known {
  readonly flags: ReadonlyMap<string, unknown>
  readonly limits: readonly string[]
  readonly meters: readonly string[]
  readonly schema: StandardSchemaV1 | undefined
  /** Complained about already: what plans say of the config can not be judged. */
  readonly schemaBroken: boolean
}

function checkLimit(
  problems: Problems,
  path: string,
  limit: unknown,
  flags: readonly (readonly [key: string, definition: unknown])[],
): void {
  problems.addAll(limitProblems(limit, path))
  const keys = flags.map(([key]) => key)
  for (const policy of Array.isArray(limit) ? limit : [limit]) {
    const flag = isObject(policy) ? policy.flag : undefined
    if (typeof flag !== 'string' || keys.includes(flag)) continue
    problems.add(
      path,
      `asks a flag that is not declared: "${flag.slice(0, 100)}".${didYouMean(flag.slice(0, 100), keys)}`,
    )
  }
}

function names(members: readonly (readonly [string, unknown])[]): readonly string[] {
  return members.map(([name]) => name)
}

function checkMeter(problems: Problems, path: string, meter: unknown): void {
  if (!isObject(meter)) {
    problems.add(path, `must be a meter, { aggregate: 'count' | 'sum' }, not ${describe(meter)}.`)
    return
  }
  problems.unknownKeys(path, meter, METER_KEYS)
  const { aggregate, unit, description } = meter
  if (aggregate !== 'count' && aggregate !== 'sum') {
    problems.add(join(path, 'aggregate'), `must be "count" or "sum", not ${describe(aggregate)}.`)
  }
  problems.optionalText(join(path, 'unit'), unit)
  problems.optionalText(join(path, 'description'), description)
}

function checkPlan(problems: Problems, path: string, plan: unknown, known: Known): void {
  if (!isObject(plan)) {
    problems.add(path, `must be a plan, { limits?, quotas?, features?, config? }, not ${describe(plan)}.`)
    return
  }
  problems.unknownKeys(path, plan, PLAN_KEYS)
  const part = (name: string): readonly (readonly [string, unknown])[] =>
    plan[name] === undefined ? [] : problems.members(join(path, name), plan[name])

  for (const [name, limit] of part('limits')) {
    const at = join(join(path, 'limits'), name)
    if (!known.limits.includes(name))
      problems.add(at, `names no limit of the catalog.${didYouMean(name, known.limits)}`)
    checkLimit(problems, at, limit, [...known.flags])
  }
  for (const [name, quota] of part('quotas')) {
    const at = join(join(path, 'quotas'), name)
    if (!known.meters.includes(name))
      problems.add(at, `names no meter of the catalog.${didYouMean(name, known.meters)}`)
    problems.addAll(quotaProblems(quota, at))
  }
  checkFeatures(problems, join(path, 'features'), plan.features, known.flags)
  const config = part('config')
  if (!known.schemaBroken) problems.addAll(planConfigProblems(config, known.schema, join(path, 'config')))
}

function checkFeatures(problems: Problems, path: string, features: unknown, flags: ReadonlyMap<string, unknown>): void {
  if (features === undefined) return
  if (!Array.isArray(features)) {
    problems.add(path, `must be a list of flags, not ${describe(features)}.`)
    return
  }
  for (const [i, feature] of features.entries()) {
    const flag = typeof feature === 'string' ? flags.get(feature) : undefined
    if (typeof feature !== 'string') problems.add(`${path}.${i}`, `must be a flag's key, not ${describe(feature)}.`)
    else if (!flags.has(feature)) {
      problems.add(
        `${path}.${i}`,
        `names no flag of the catalog, ${describe(feature)}.${didYouMean(feature.slice(0, 100), [...flags.keys()])}`,
      )
    } else if (isObject(flag) && flag.variants !== undefined) {
      problems.add(`${path}.${i}`, `must be a boolean flag; "${feature}" has variants.`)
    }
  }
}
