import { refuse, requireObject, unknownOptions, wrongListenerOrSchema, wrongNumbers } from '../option-problems.ts'
import type { KnexLimitsOptions } from './knex-limits.ts'

const NAME = 'knexLimits'
const WHOLE_NUMBERS = { answerWithinMs: 1, busyTimeoutMs: 0 } as const
const KNOWN = ['app', 'clock', 'onStatement', 'filename', 'schema', 'migrate', ...Object.keys(WHOLE_NUMBERS)]

/** @throws ThroughlineError `OPTIONS_INVALID`, with all that is wrong */
export function checkOptions(options: KnexLimitsOptions): void {
  requireObject(NAME, options)
  refuse(NAME, [
    ...unknownOptions(options, KNOWN),
    ...wrongNumbers(options, WHOLE_NUMBERS),
    ...wrongClock(options),
    ...wrongListenerOrSchema(options),
    ...wrongFile(options),
  ])
}

function wrongClock({ clock }: KnexLimitsOptions): readonly string[] {
  if (clock === undefined || clock === 'server' || clock === 'caller') return []
  return [`clock: it is ${String(clock)}; it must be "server" or "caller".`]
}

function wrongFile({ filename }: KnexLimitsOptions): readonly string[] {
  if (filename === undefined || (typeof filename === 'string' && filename !== '')) return []
  return ['filename: it must be the name of a file.']
}
