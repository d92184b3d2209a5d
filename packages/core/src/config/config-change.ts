import { MAX_DEPTH, pathParts, valueAt } from '../catalog/dotted-path.ts'
import { describe, join, Problems } from '../catalog/problems.ts'
import { didYouMean } from '../did-you-mean.ts'
import { ThroughlineError } from '../errors.ts'
import { isPlainObject } from '../plain-object.ts'
import type { JournalEvent } from '../storage/journal-record.ts'
import type { Json } from '../vocabulary.ts'
import type { ConfigIssue } from './config-schema.ts'
import { type ConfigTree, withoutValue, withValue } from './config-tree.ts'

/** One path of a change; without a value it is unset. */
export interface ConfigEdit {
  readonly path: string
  readonly parts: readonly string[]
  readonly value?: Json
}

const MAX_BYTES = 65_536
const MAX_EDITS = 100
/** Longest value that a record of a change shows. */
const MAX_SHOWN = 2_048
/** Characters of a member's name that a problem tells. */
const MAX_NAME = 100
const SECRET = /secret|token|pass|pwd|key|credential|authorization|cookie/i

/**
 * Checks what is to be set.
 *
 * @throws ThroughlineError `CONFIG_INVALID`, with all `details.issues`
 */
export function readEdits(values: Readonly<Record<string, unknown>>): readonly ConfigEdit[] {
  if (!isPlainObject(values)) throw notOf('The values must be an object', values)
  const problems = new Problems()
  const entries = Object.entries(values)
  const edits = entries.slice(0, MAX_EDITS).map(([path, value]): ConfigEdit => {
    const parts = readPath(problems, path)
    if (value === undefined) problems.add(path, 'must have a value; unset() takes one back.')
    else problems.json(path, value)
    return { path, parts, value: value as Json }
  })
  if (entries.length > MAX_EDITS) problems.add('', `At most ${MAX_EDITS} paths can be set at once.`)
  if (problems.list.length > 0) throw configInvalid(problems.list)
  return edits
}

/**
 * Checks what is to be unset.
 *
 * @throws ThroughlineError `CONFIG_INVALID`, with all `details.issues`
 */
export function readUnsets(paths: readonly string[]): readonly ConfigEdit[] {
  if (!Array.isArray(paths)) throw notOf('The paths must be a list', paths)
  const problems = new Problems()
  if (paths.length > MAX_EDITS) problems.add('', `At most ${MAX_EDITS} paths can be unset at once.`)
  const edits = paths.slice(0, MAX_EDITS).map((path) => ({ path, parts: readPath(problems, path) }))
  if (problems.list.length > 0) throw configInvalid(problems.list)
  return edits
}

/** What the tenant has set, after the edits. */
export function applyEdits(own: ConfigTree, edits: readonly ConfigEdit[]): ConfigTree {
  return edits.reduce(
    (tree, { parts, value }) => (value === undefined ? withoutValue(tree, parts) : withValue(tree, parts, value)),
    own,
  )
}

/**
 * What a schema's answer does not complain about, but we do: paths it does not know, and too much of it.
 *
 * @param output the schema's output for the changed config
 */
export function editIssues(edits: readonly ConfigEdit[], own: ConfigTree, output: unknown): readonly ConfigIssue[] {
  const problems = new Problems()
  for (const { path, parts, value } of edits) {
    reportUnknown(problems, path, parts.at(-1) ?? '', value, valueAt(output, parts.slice(0, -1)))
  }
  const bytes = Buffer.byteLength(JSON.stringify(own))
  if (bytes > MAX_BYTES) problems.add('', `The tenant's config would take ${bytes} bytes; ${MAX_BYTES} are allowed.`)
  problems.json('', own)
  return problems.list
}

/**
 * A schema drops what it does not know, at any level of a value: what is gone from its output was misspelt.
 *
 * @param around what the output has of the object that the value is a member of
 */
function reportUnknown(problems: Problems, path: string, name: string, value: unknown, around: unknown): void {
  if (value === undefined || value === null || problems.isFull) return
  const members = typeof around === 'object' && around !== null ? around : {}
  if (!Object.hasOwn(members, name)) {
    const known = Object.keys(members)
    problems.add(path, `is not known to the config schema.${didYouMean(name.slice(0, MAX_NAME), known)}`)
    return
  }
  const taken = valueAt(members, [name])
  if (!isPlainObject(value) || !isPlainObject(taken)) return
  for (const [member, below] of Object.entries(value)) {
    reportUnknown(problems, join(path, member.slice(0, MAX_NAME)), member, below, taken)
  }
}

/** The event a change leaves. Values named like a secret, at any level, are never in it. */
export function changeEvent(
  edits: readonly ConfigEdit[],
  before: unknown,
  after: unknown,
): Omit<JournalEvent, 'notable'> {
  return {
    action: 'config.changed',
    targets: edits.map(({ path }) => ({ type: 'config', id: path })),
    metadata: {
      before: Object.fromEntries(edits.map(({ path, parts }) => [path, shown(parts, valueAt(before, parts))])),
      after: Object.fromEntries(edits.map(({ path, parts }) => [path, shown(parts, valueAt(after, parts))])),
    },
  }
}

export function configInvalid(issues: readonly ConfigIssue[]): ThroughlineError {
  const list = issues.map(({ path, message }) => sentenceOf(path === '' ? message : `${path}: ${message}`)).join(' ')
  return new ThroughlineError('CONFIG_INVALID', {
    message: `The configuration is not valid. ${list}`,
    details: { issues },
  })
}

/** A body that a client left out, or gave another shape: as much its mistake as a value that the schema refuses. */
function notOf(wanted: string, given: unknown): ThroughlineError {
  return configInvalid([{ path: '', message: `${wanted}, not ${describe(given)}.` }])
}

/** Schemas do not end what they say, so that a list of it would run together. */
function sentenceOf(text: string): string {
  return /[.!?]$/.test(text) ? text : `${text}.`
}

function readPath(problems: Problems, path: string): readonly string[] {
  const parts = pathParts(path)
  if (!parts)
    problems.add(String(path).slice(0, 100), `is no path: give names joined by dots, ${MAX_DEPTH} at the most.`)
  return parts ?? []
}

function shown(parts: readonly string[], value: unknown): Json {
  if (value === undefined || value === null) return null
  if (parts.some((part) => SECRET.test(part))) return '[redacted]'
  const json = JSON.stringify(value, (name, member: unknown) => (SECRET.test(name) ? '[redacted]' : member)) ?? 'null'
  return json.length > MAX_SHOWN ? `[${json.length} characters]` : (JSON.parse(json) as Json)
}
