import type { MaybePromise } from '../maybe-promise.ts'
import type { SourceInput } from '../resolve/source.ts'
import type { ActorInput } from '../vocabulary.ts'
import type { OptionCheck } from './check-options.ts'
import {
  checkOptions,
  isFunction,
  isPaths,
  oneOf,
  oneOfOrFunction,
  PATHS,
  PATHS_ARE,
  SOURCES,
} from './check-options.ts'
import type { MembershipRule } from './pipeline-host.ts'

export interface TenantContextOptions<Req> {
  /** What names the tenant: one source or several, which must then agree. A function reads the app's verified user. */
  readonly tenant: SourceInput<Req> | readonly SourceInput<Req>[]
  /** Who acts, from the app's login. An API key brings its own actor. */
  readonly actor?: (request: Req) => MaybePromise<ActorInput | null | undefined>
  /** A request without actor: refused with 401 (default), or let in as `anonymous`. */
  readonly anonymous?: 'refuse' | 'allow'
  /** Paths that have no tenant: `/healthz`, `/signup/*`. */
  readonly tenantless?: readonly string[] | ((request: Req) => boolean)
  /** Paths of which nothing is recorded. */
  readonly exclude?: readonly string[]
  /**
   * `claimed`: the source that names the tenant is proof (the app's verified user, a verified token, an API key); the
   * default where there is one. `ours`: our own members table; the default with `tenants: 'ours'` where the tenant is
   * only named. Or the app's own function; the default where `tenants.isMember` is given.
   */
  readonly membership?: MembershipRule
  /** What a foreign or unknown tenant gets: 404 (default: nobody can find out which tenants exist), or 403. */
  readonly foreign?: 'hide' | 'forbid'
}

const CHECKS = {
  tenant: SOURCES,
  actor: [isFunction, 'be a function'],
  anonymous: oneOf('refuse', 'allow'),
  tenantless: [(value: unknown) => isFunction(value) || isPaths(value), `be a function, or ${PATHS_ARE}`],
  exclude: PATHS,
  membership: oneOfOrFunction('claimed', 'ours'),
  foreign: oneOf('hide', 'forbid'),
} as const

const WITHOUT_OURS: OptionCheck = [
  (value) => value !== 'ours' && CHECKS.membership[0](value),
  "be claimed or a function; 'ours' needs createThroughline({ tenants: 'ours' })",
]

/**
 * @param oursExists the instance has a members table of its own
 * @throws ThroughlineError `OPTIONS_INVALID`
 */
export function checkTenantContext(options: object, oursExists: boolean): void {
  const checks = oursExists ? CHECKS : { ...CHECKS, membership: WITHOUT_OURS }
  checkOptions('tenantContext', options, checks, ['tenant'])
}
