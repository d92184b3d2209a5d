import type { IncomingMessage } from 'node:http'
import type { MaybePromise } from '../maybe-promise.ts'
import { isPromise } from '../maybe-promise.ts'
import type { ActorInput } from '../vocabulary.ts'
import type { TenantClaim, TenantSource, Trust } from './source.ts'
import { tenantIdOf } from './source.ts'

/** What a request's sources say together. */
export type Resolution =
  | { readonly status: 'none' }
  | {
      readonly status: 'agreed'
      readonly tenant: string
      readonly actor?: ActorInput
      /** `proves` if any of the sources does for who acts. */
      readonly trust: Trust
      /** Named by nothing but headers that nobody trusted vouches for. */
      readonly forgeable: boolean
      /** Who acts is known by a credential of the tenant's own, whoever else belongs to it. */
      readonly member: boolean
      readonly sources: readonly string[]
    }
  | {
      readonly status: 'disagreement'
      readonly actor?: ActorInput
      readonly sources: readonly HeardSource[]
    }

/** What one source said. */
export interface HeardSource {
  readonly source: string
  readonly tenant: string
  readonly trust: Trust
  /** Of a credential that is the tenant's own: whether it says who acts. Another's is no proof of where he belongs. */
  readonly member?: boolean
}

type Claims = readonly (TenantClaim | undefined)[]

const NONE: Resolution = { status: 'none' }

/**
 * Asks every source and lets none win: all that name a tenant must name the same one. A weak source is heard only where
 * no other is present. Answers at once when all sources do. The first source that brings an actor says who acts.
 *
 * @throws what a source throws: `API_KEY_INVALID`, `TOKEN_INVALID`, or an error of the app's own look-up.
 */
export function resolveTenant<Req>(
  sources: readonly TenantSource<Req>[],
  request: Req,
  message: IncomingMessage,
): MaybePromise<Resolution> {
  const reads: MaybePromise<TenantClaim | undefined>[] = []
  let waits = false
  try {
    for (const source of sources) {
      const read = source.read(request, message)
      waits ||= isPromise(read)
      reads.push(read)
    }
  } catch (error) {
    // The request is refused already; what is still under way must not surface as an unhandled rejection.
    for (const read of reads) if (isPromise(read)) read.then(undefined, ignore)
    throw error
  }
  return waits ? Promise.all(reads).then((claims) => agree(sources, claims)) : agree(sources, reads as Claims)
}

function agree(sources: readonly TenantSource<never>[], claims: Claims): Resolution {
  const strong = sources.some((source, i) => !source.weak && claims[i] !== undefined)
  const heard: HeardSource[] = []
  let actor: ActorInput | undefined
  let forgeable = true
  let trust: Trust = 'names'
  let member = false
  let agreed = true
  for (const [i, source] of sources.entries()) {
    const claim = claims[i]
    if (claim === undefined) continue
    actor ??= claim.actor
    if (strong && source.weak) continue
    const said = hear(source, claim, actor)
    agreed &&= said.tenant === (heard[0] ?? said).tenant
    if (said.trust === 'proves' && said.member !== false) trust = 'proves'
    member ||= said.member === true
    forgeable &&= claim.forgeable === true
    heard.push(said)
  }
  const [first] = heard
  if (first === undefined) return NONE
  const who = actor && { actor }
  if (!agreed) return { status: 'disagreement', ...who, sources: heard }
  const names = heard.map(({ source }) => source)
  return { status: 'agreed', tenant: first.tenant, ...who, trust, forgeable, member, sources: names }
}

function hear(source: TenantSource<never>, claim: TenantClaim, actor: ActorInput | undefined): HeardSource {
  const said = { source: source.name, tenant: tenantIdOf(claim.tenant), trust: claim.trust ?? source.trust }
  // A key is no membership of the user who sends it along.
  return claim.member ? { ...said, member: claim.actor === actor } : said
}

function ignore(): void {}
