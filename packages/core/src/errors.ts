/** The stable names of all that can go wrong. */
export type ErrorCode =
  | 'OPTIONS_INVALID'
  | 'STORAGE_SCHEMA_OUTDATED'
  | 'CLOSED'
  | 'TENANT_REQUIRED'
  | 'CONTEXT_MISMATCH'
  | 'TENANT_SWITCH_REFUSED'
  | 'TENANT_UNRESOLVED'
  | 'TENANT_NOT_FOUND'
  | 'TENANT_FORBIDDEN'
  | 'TENANT_SUSPENDED'
  | 'TENANT_DISAGREEMENT'
  | 'TENANT_SOURCE_UNTRUSTED'
  | 'ACTOR_REQUIRED'
  | 'API_KEY_INVALID'
  | 'TOKEN_INVALID'
  | 'ROLE_REQUIRED'
  | 'PLAN_REQUIRED'
  | 'FLAG_OFF'
  | 'PLATFORM_REASON_REQUIRED'
  | 'PLATFORM_REASON_INVALID'
  | 'FLAG_UNKNOWN'
  | 'FLAG_NOT_FOUND'
  | 'FLAG_INVALID'
  | 'FLAG_CONFLICT'
  | 'TENANTS_UNLISTED'
  | 'LIMIT_UNKNOWN'
  | 'LIMIT_NOT_FOUND'
  | 'LIMIT_INVALID'
  | 'LIMIT_COST_INVALID'
  | 'LIMIT_NOT_HELD'
  | 'LIMIT_EXCEEDED'
  | 'LIMIT_UNAVAILABLE'
  | 'LOAD_SHED'
  | 'METER_UNKNOWN'
  | 'USAGE_QUANTITY_INVALID'
  | 'USAGE_KEY_INVALID'
  | 'QUOTA_EXCEEDED'
  | 'QUOTA_UNAVAILABLE'
  | 'CONFIG_INVALID'
  | 'CONFIG_CONFLICT'
  | 'TENANT_EXISTS'
  | 'TENANT_INVALID'
  | 'PLAN_UNKNOWN'
  | 'CONFLICT'
  | 'QUERY_INVALID'
  | 'EVENT_INVALID'
  | 'CAPTURE_INVALID'
  | 'ENVELOPE_INVALID'
  | 'RECORDS_UNAVAILABLE'
  | 'OUTCOME_UNKNOWN'
  | 'RECORDS_FULL'
  | 'WITHIN_UNSUPPORTED'
  | 'SCOPE_TABLE_UNKNOWN'
  | 'SCOPE_RAW_REFUSED'
  | 'SCOPE_TENANT_MISMATCH'
  | 'SCOPE_UNSUPPORTED'

/**
 * Every error of Throughline, in one table: code → HTTP status, what happened, what to do.
 * `expose` says whether the sentence may be shown to an HTTP client; the remedy is for the developer and never is.
 */
const ERRORS: Readonly<Record<ErrorCode, readonly [status: number, sentence: string, remedy: string]>> = {
  OPTIONS_INVALID: [500, 'The options are not valid.', 'Mend what is listed; nothing was started.'],
  STORAGE_SCHEMA_OUTDATED: [
    500,
    'The storage is not at the schema this release needs.',
    'Run `npx throughline migrate`.',
  ],
  CLOSED: [503, 'This Throughline instance is closed.', 'Create a new one; `close()` is final.'],

  TENANT_REQUIRED: [
    500,
    'This call belongs to a tenant, and no tenant context is open.',
    'Mount `tenantContext(throughline, …)` before the route, or wrap the call in `throughline.run({ tenant, actor }, fn)`.',
  ],
  CONTEXT_MISMATCH: [
    500,
    'Another Throughline instance opened this tenant context.',
    "Use the guards of the instance that opened it (`throughline.guards.*`), or this instance's own middleware.",
  ],
  TENANT_SWITCH_REFUSED: [
    500,
    'A context of another tenant is open.',
    'Pass `{ switch: true }` to `run` if the code really is to act for another tenant.',
  ],
  TENANT_UNRESOLVED: [400, 'The request names no tenant.', 'Name one, or list the route under `tenantless`.'],
  TENANT_NOT_FOUND: [404, 'Not found.', 'The tenant does not exist, or the actor is no member of it.'],
  TENANT_FORBIDDEN: [
    403,
    'This organization is not yours.',
    'The tenant does not exist, or the actor is no member of it.',
  ],
  TENANT_SUSPENDED: [403, 'This organization is suspended.', 'Reactivate it with `platform.tenants.reactivate`.'],
  TENANT_DISAGREEMENT: [
    403,
    'The request names more than one tenant.',
    'All sources (host, path, header, claim, key) must agree; see `details.sources`.',
  ],
  TENANT_SOURCE_UNTRUSTED: [
    403,
    'The tenant was named by a source that is not trusted.',
    'A host, path or header only names a tenant: say who belongs to it (`tenants.isMember`, `membership`), or add a source that proves it (login, claim, key).',
  ],
  ACTOR_REQUIRED: [
    401,
    'Authentication is required.',
    "Log the user in first (`actor` must give `{ id }`), or set `anonymous: 'allow'`.",
  ],
  API_KEY_INVALID: [401, 'The API key is not valid.', 'Send a key that exists and is not revoked.'],
  TOKEN_INVALID: [401, 'The token is not valid.', 'Send a token signed by a key of the given key set.'],
  ROLE_REQUIRED: [403, 'Your role does not allow this.', 'Give the member one of `details.roles`.'],
  PLAN_REQUIRED: [403, 'Your plan does not include this.', 'Move the tenant to one of `details.plans`.'],
  FLAG_OFF: [404, 'Not found.', 'The flag is off for this tenant; `flags.evaluate` says why.'],
  PLATFORM_REASON_REQUIRED: [
    500,
    'An act of the platform needs an actor and a reason.',
    'Call `platform.run({ actor, reason }, fn)`; the reason goes on the trail.',
  ],
  PLATFORM_REASON_INVALID: [400, 'A reason is needed.', 'Ask the operator for a sentence: it goes on the trail.'],

  FLAG_UNKNOWN: [500, 'No flag has this key.', 'Declare it in the catalog.'],
  FLAG_NOT_FOUND: [404, 'No flag has this key.', 'Take one that `flags.list` answers, or declare it in the catalog.'],
  FLAG_INVALID: [400, 'The flag definition is not valid.', 'Mend it; nothing was changed.'],
  FLAG_CONFLICT: [409, 'The flag was changed meanwhile.', 'Read it again with `flags.get` and repeat the change.'],
  TENANTS_UNLISTED: [
    500,
    'Tenants can not be listed.',
    "Give `tenants.list` beside `tenants.load`, or keep tenants in our own table (`tenants: 'ours'`).",
  ],
  LIMIT_UNKNOWN: [500, 'No limit has this name.', 'Declare it in the catalog.'],
  LIMIT_NOT_FOUND: [404, 'No limit has this name.', 'Take one of the catalog, or declare it there.'],
  LIMIT_INVALID: [400, 'The limit is not valid.', 'Give a whole number above 0 and a window.'],
  LIMIT_COST_INVALID: [500, 'The cost is not valid.', 'Give a whole number above 0.'],
  LIMIT_NOT_HELD: [
    500,
    'The limit says how many calls may run at once.',
    'Use `limits.hold(…)`, `limits.reserve(…)` or the guard `rateLimit(…)`, which give it back.',
  ],
  LIMIT_EXCEEDED: [
    429,
    'Too many requests.',
    'Wait for `Retry-After` seconds, or raise the limit of the plan or tenant.',
  ],
  LIMIT_UNAVAILABLE: [
    503,
    'Capacity is reduced right now.',
    "Retry; the limits store does not answer, and the policy's `whenUnavailable` allows no more.",
  ],
  LOAD_SHED: [503, 'The server is busy.', 'Retry; the process is saturated: see `loadShedding`.'],
  METER_UNKNOWN: [500, 'No meter has this name.', 'Declare it in the catalog.'],
  USAGE_QUANTITY_INVALID: [
    500,
    'The quantity is not valid.',
    'Give a whole number above 0, in the smallest unit that is billed (bytes, not gigabytes).',
  ],
  USAGE_KEY_INVALID: [500, 'The idempotency key is not valid.', 'Give a well-formed string of 1 to 200 characters.'],
  QUOTA_EXCEEDED: [
    429,
    'The quota of this period is used up.',
    'Wait for the next period, or raise the quota of the plan.',
  ],
  QUOTA_UNAVAILABLE: [503, 'The quota can not be checked right now.', 'Retry; the records database is not reachable.'],
  CONFIG_INVALID: [400, 'The configuration is not valid.', 'Mend what is listed.'],
  CONFIG_CONFLICT: [409, 'The configuration was changed meanwhile.', 'Read it again and repeat the change.'],
  TENANT_EXISTS: [409, 'A tenant with this id exists.', 'Choose another id.'],
  TENANT_INVALID: [400, 'The tenant is not valid.', 'Mend what is listed.'],
  PLAN_UNKNOWN: [400, 'No plan has this name.', 'Declare it in the catalog.'],
  CONFLICT: [409, 'This was changed meanwhile.', 'Read it again and repeat the change.'],
  QUERY_INVALID: [400, 'The query is not valid.', 'Mend what is listed.'],
  EVENT_INVALID: [500, 'The audit event is not valid.', 'Mend what is listed.'],
  CAPTURE_INVALID: [400, 'This is no captured context.', 'Pass what `capture()` returned.'],
  ENVELOPE_INVALID: [400, 'This is no envelope.', 'Send what `envelope()` returned, as JSON.'],

  RECORDS_UNAVAILABLE: [503, 'The records database is not reachable.', 'Retry; `health()` says how much waits for it.'],
  OUTCOME_UNKNOWN: [
    503,
    'Whether this took effect is not known.',
    'Read before you repeat it, or repeat it with the same key.',
  ],
  RECORDS_FULL: [503, 'Nothing more can be recorded right now.', 'Free disk space, or raise `journal.spill.maxBytes`.'],
  WITHIN_UNSUPPORTED: [
    500,
    'This can not join a transaction of the app.',
    'Keep the records on Postgres, in the database of that transaction, or record after it is committed.',
  ],

  SCOPE_TABLE_UNKNOWN: [
    500,
    'This table is not declared.',
    'List it under `tables`, or under `shared` if all tenants may read it.',
  ],
  SCOPE_RAW_REFUSED: [
    500,
    'Raw SQL can not be scoped to a tenant.',
    'Use the query builder, or `db.unscoped(reason)` inside `platform.run`.',
  ],
  SCOPE_TENANT_MISMATCH: [500, 'The row names another tenant.', 'Leave the tenant column out: it is filled in.'],
  SCOPE_UNSUPPORTED: [500, 'This statement can not be scoped to a tenant.', 'See the list of supported statements.'],
}

/** Failures of the server whose sentence tells its clients what to do, and nothing of its inside. */
const TOLD: ReadonlySet<ErrorCode> = new Set(['LIMIT_UNAVAILABLE', 'LOAD_SHED'])

export interface ErrorOptions {
  /** A sentence in place of the table's. */
  readonly message?: string
  /** What to do, in place of the table's. */
  readonly remedy?: string
  /** Facts for programs and for problem+json: names, numbers, sources; never a secret. */
  readonly details?: Readonly<Record<string, unknown>>
  /** HTTP headers of the answer, `Retry-After` for one. */
  readonly headers?: Readonly<Record<string, string>>
  readonly cause?: unknown
}

/** The one error type. `code` is stable; `message` says what happened and what to do. */
export class ThroughlineError extends Error {
  override readonly name = 'ThroughlineError'
  readonly code: ErrorCode
  /** HTTP status of the answer. */
  readonly status: number
  /** Whether `sentence` may be shown to an HTTP client (Koa's and http-errors' convention). */
  readonly expose: boolean
  /** What happened, without the remedy. */
  readonly sentence: string
  readonly remedy: string
  readonly headers: Readonly<Record<string, string>>
  readonly details: Readonly<Record<string, unknown>>

  /** Also of another copy of this package, where the app and an adapter have each loaded one. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    // biome-ignore lint/complexity/noThisInStatic: a subclass is asked for itself
    if (this !== ThroughlineError) return Function.prototype[Symbol.hasInstance].call(this, value)
    return value instanceof Error && value.name === 'ThroughlineError'
  }

  constructor(code: ErrorCode, options: ErrorOptions = {}) {
    const [status, sentence, usual] = ERRORS[code]
    const remedy = options.remedy ?? usual
    super(
      `${code}: ${options.message ?? sentence} ${remedy}`,
      options.cause === undefined ? {} : { cause: options.cause },
    )
    this.code = code
    this.status = status
    this.expose = status < 500 || TOLD.has(code)
    this.sentence = options.message ?? sentence
    this.remedy = remedy
    this.headers = options.headers ?? {}
    this.details = options.details ?? {}
  }

  /** express and http-errors read either. */
  get statusCode(): number {
    return this.status
  }
}
