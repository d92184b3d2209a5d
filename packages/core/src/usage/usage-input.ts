import { callOptionProblem } from '../call-options.ts'
import type { MeterDefinition } from '../catalog/definitions.ts'
import { describe } from '../catalog/problems.ts'
import { didYouMean } from '../did-you-mean.ts'
import { ThroughlineError } from '../errors.ts'
import type { RecordOptions } from './usage-face.ts'

export type Meters = ReadonlyMap<string, MeterDefinition>

const MAX_KEY = 200

/**
 * Checks what is to be recorded.
 *
 * @throws ThroughlineError `METER_UNKNOWN`, `USAGE_QUANTITY_INVALID`, `USAGE_KEY_INVALID`, `OPTIONS_INVALID`
 */
export function checkUsage(meters: Meters, meter: string, quantity: number, options: RecordOptions): void {
  refuseUnknown(options)
  const { key } = options
  const definition = meterOf(meters, meter)
  if (!Number.isSafeInteger(quantity) || quantity < 1) {
    throw new ThroughlineError('USAGE_QUANTITY_INVALID', {
      message: `The quantity ${describe(quantity)} is not valid.`,
    })
  }
  if (definition.aggregate === 'count' && quantity !== 1) {
    throw new ThroughlineError('USAGE_QUANTITY_INVALID', {
      message: `The meter "${meter}" counts records, so each is 1 and not ${quantity}; declare aggregate: 'sum' to add up.`,
    })
  }
  if (key !== undefined && (typeof key !== 'string' || key === '' || key.length > MAX_KEY || !key.isWellFormed())) {
    throw new ThroughlineError('USAGE_KEY_INVALID')
  }
}

const OPTIONS = ['key']

/** A key that is not read counts the same usage twice, so what is no option is not passed over. */
function refuseUnknown(options: unknown): void {
  const message = callOptionProblem(options, OPTIONS, 'a record')
  if (message === undefined) return
  throw new ThroughlineError('OPTIONS_INVALID', { message, remedy: 'Pass `{ key: … }`, or nothing.' })
}

/**
 * A meter's definition.
 *
 * @throws ThroughlineError `METER_UNKNOWN`, with the nearest name
 */
export function meterOf(meters: Meters, meter: string): MeterDefinition {
  const definition = meters.get(meter)
  if (definition) return definition
  const asked = String(meter).slice(0, 100)
  throw new ThroughlineError('METER_UNKNOWN', {
    message: `No meter has the name "${asked}".${didYouMean(asked, [...meters.keys()])}`,
  })
}
