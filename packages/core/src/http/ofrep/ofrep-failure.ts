/** The error codes of OFREP, and with which status they are answered. */
const STATUS = {
  PARSE_ERROR: 400,
  INVALID_CONTEXT: 400,
  TARGETING_KEY_MISSING: 400,
  FLAG_NOT_FOUND: 404,
  GENERAL: 400,
} as const

export type OfrepErrorCode = keyof typeof STATUS

/** A call that can't be answered with a value. */
export class OfrepFailure extends Error {
  readonly code: OfrepErrorCode

  /** @param details for whoever reads the client's log */
  constructor(code: OfrepErrorCode, details: string) {
    super(details)
    this.code = code
  }

  get status(): number {
    return STATUS[this.code]
  }
}
