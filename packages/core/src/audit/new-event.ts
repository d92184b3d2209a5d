import { describe } from '../catalog/problems.ts'
import { didYouMean } from '../did-you-mean.ts'
import { ThroughlineError } from '../errors.ts'
import type { JournalEvent } from '../storage/journal-record.ts'
import type { Json, Outcome, Target } from '../vocabulary.ts'

/** An event the app records of its own. */
export interface NewAuditEvent {
  /** `report.shared`: what was done, `noun.verb`. */
  readonly action: string
  readonly targets?: readonly Target[]
  /** `success` unless said. */
  readonly outcome?: Outcome
  readonly metadata?: Readonly<Record<string, Json>>
}

const MAX_TARGETS = 50
const MAX_TARGETS_BYTES = 16_384
const MAX_METADATA_BYTES = 8_192
const SECRET = /(pass|pwd|secret|token|credential|authorization|cookie|(api|access|private)[-_]?key)/i
/** Ours alone, in any case: an app can't write what looks like our own evidence. */
const RESERVED =
  /^(?:(?:request|run|auth|limit|quota|flags?|usage|config|tenant|member|journal|platform|error|records|context)\.|(?:plan\.refused|load\.shed)$)/i

/**
 * Checks an app's event; members of its metadata that are named like a secret are stored as `[redacted]`.
 *
 * @throws ThroughlineError `EVENT_INVALID`, naming everything that is wrong
 */
export function readNewEvent(event: NewAuditEvent): JournalEvent {
  const problems = unknownIn(event)
  const { action, targets, outcome, metadata } = event
  if (typeof action !== 'string' || !/^[a-z][\w-]*(\.[\w-]+)+$/i.test(action) || action.length > 100) {
    problems.push('"action" must look like "report.shared", 100 characters at most.')
  } else if (RESERVED.test(action)) {
    problems.push(`"${action}" is of those that Throughline records itself; call it otherwise.`)
  }
  const named = targets === undefined ? undefined : readTargets(targets, problems)
  if (outcome !== undefined && !['success', 'failure', 'refused'].includes(outcome)) {
    problems.push('"outcome" must be "success", "failure" or "refused".')
  }
  const clean = metadata === undefined ? undefined : readMetadata(metadata, problems)
  if (problems.length > 0) {
    throw new ThroughlineError('EVENT_INVALID', { message: problems.join(' '), details: { problems } })
  }
  return {
    action,
    notable: true,
    ...(outcome !== undefined && outcome !== 'success' && { outcome }),
    ...(named && { targets: named }),
    ...(clean && { metadata: clean }),
  }
}

const MEMBERS = ['action', 'targets', 'outcome', 'metadata']

/** What is passed over is lost to the trail. */
function unknownIn(event: NewAuditEvent): string[] {
  if (typeof event !== 'object' || event === null) {
    const message = `An event is { action, targets?, outcome?, metadata? }, not ${describe(event)}.`
    throw new ThroughlineError('EVENT_INVALID', { message, details: { problems: [message] } })
  }
  const unknown = Object.keys(event).filter((name) => !MEMBERS.includes(name))
  return unknown.slice(0, 10).map((long) => {
    const name = long.slice(0, 100)
    return `"${name}" is not known.${didYouMean(name, MEMBERS)}`
  })
}

function readTargets(targets: readonly Target[], problems: string[]): readonly Target[] | undefined {
  const valid = Array.isArray(targets) && targets.length <= MAX_TARGETS
  if (!valid || targets.some((target) => typeof target?.type !== 'string' || typeof target.id !== 'string')) {
    problems.push(`"targets" must be a list of at most ${MAX_TARGETS} of { type, id, name? }.`)
    return undefined
  }
  const named = targets.map(({ type, id, name }) => ({ type, id, ...(name !== undefined && { name: String(name) }) }))
  const bytes = Buffer.byteLength(JSON.stringify(named))
  if (bytes > MAX_TARGETS_BYTES) {
    problems.push(`"targets" take ${bytes} bytes; ${MAX_TARGETS_BYTES} are allowed.`)
  }
  return named
}

function readMetadata(metadata: Readonly<Record<string, Json>>, problems: string[]): Record<string, Json> | undefined {
  let json: string
  try {
    json = JSON.stringify(metadata, (key, value: unknown) => (SECRET.test(key) ? '[redacted]' : value))
  } catch {
    problems.push('"metadata" must be JSON.')
    return undefined
  }
  if (json === undefined || !json.startsWith('{')) problems.push('"metadata" must be an object.')
  else if (Buffer.byteLength(json) > MAX_METADATA_BYTES) {
    problems.push(`"metadata" takes ${Buffer.byteLength(json)} bytes; ${MAX_METADATA_BYTES} are allowed.`)
  } else return JSON.parse(json) as Record<string, Json>
  return undefined
}
