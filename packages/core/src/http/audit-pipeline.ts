import type { IncomingMessage } from 'node:http'
import { runIn } from '../context/ambient.ts'
import { ThroughlineError } from '../errors.ts'
import type { SourceInput, TenantSource } from '../resolve/source.ts'
import { toSource } from '../resolve/source.ts'
import { checkOptions, PATHS, SOURCE } from './check-options.ts'
import type { Exchange, OpenExchange } from './exchange.ts'
import { openExchangeOf } from './exchange.ts'
import { openRequest } from './open-request.ts'
import { compilePaths } from './path-patterns.ts'
import type { HttpPipeline, PipelineHost } from './pipeline-host.ts'

export interface RequestAuditOptions<Req> {
  /** Names the tenant on whose trail a failed login belongs, the host for one; else it is on the operator's. */
  readonly tenant?: SourceInput<Req>
  /** Paths of which nothing is recorded. */
  readonly exclude?: readonly string[]
}

/** Opens a request before the app's login: what the app refuses or fails at until the tenant is known is on record. */
export class AuditPipeline<Req> implements HttpPipeline<Req> {
  readonly #host: PipelineHost
  readonly #hint: TenantSource<Req> | undefined
  readonly #excluded: (path: string) => boolean

  /** @throws ThroughlineError `OPTIONS_INVALID` */
  constructor(host: PipelineHost, options: RequestAuditOptions<Req>) {
    checkOptions('requestAudit', options, { tenant: SOURCE, exclude: PATHS })
    this.#host = host
    this.#hint = options.tenant && toSource(options.tenant)
    this.#excluded = compilePaths(options.exclude ?? [])
  }

  handle(exchange: Exchange<Req>, proceed: () => void, fail: (error: unknown) => void): void {
    const { starting } = this.#host
    if (starting) starting.then(() => this.#open(exchange, proceed, fail), fail)
    else this.#open(exchange, proceed, fail)
  }

  #open(exchange: Exchange<Req>, proceed: () => void, fail: (error: unknown) => void): void {
    let open: OpenExchange
    try {
      const before = openExchangeOf(exchange.response)
      if (before) throw before.owner === this.#host ? misplaced(LATE) : misplaced(OF_ANOTHER)
      open = openRequest(this.#host, exchange, {
        excluded: this.#excluded(exchange.path),
        ...(this.#hint && { hint: () => this.#trail(exchange.carrier, exchange.message) }),
      })
    } catch (error) {
      fail(error)
      return
    }
    runIn({ kind: 'open', activity: open.activity }, proceed)
  }

  /** The existing tenant whose trail a request belongs to that never got as far as `tenantContext`. */
  async #trail(carrier: Req, message: IncomingMessage): Promise<string | undefined> {
    const claim = await this.#hint?.read(carrier, message)
    return claim && (await this.#host.snapshot(claim.tenant)) ? claim.tenant : undefined
  }
}

/** What it was to record has begun: without a word its options would mean nothing. */
const LATE = 'the request is on record already; mount it once, before every tenantContext.'
const OF_ANOTHER =
  'another Throughline instance has opened this request already, and a request is on the record of one. Mount the middleware of one instance only, or each on paths of its own.'

function misplaced(problem: string): ThroughlineError {
  return new ThroughlineError('OPTIONS_INVALID', {
    message: `requestAudit: ${problem}`,
    details: { problems: [problem] },
  })
}
