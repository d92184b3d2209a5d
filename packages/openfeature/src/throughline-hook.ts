import type { EvaluationDetails, FlagValue, Hook, HookContext } from '@openfeature/server-sdk'
import type { Audit } from '@throughline/core'
import { ThroughlineError, tryCurrentTenant } from '@throughline/core'
import { PROVIDER_NAME } from './provider-metadata.ts'

/**
 * Writes what other OpenFeature providers answer on the trail of the tenant in whose context it was asked, counted as
 * our own evaluations are: `flag.evaluated`, with the provider's name. Our own provider leaves its own events. Outside
 * a tenant context of this instance there is no trail, and nothing is written.
 *
 * @throws ThroughlineError `OPTIONS_INVALID` for what is no instance
 *
 * @example
 * OpenFeature.addHooks(throughlineHook(throughline))
 */
export function throughlineHook(throughline: { readonly audit: Pick<Audit, 'flagEvaluated'> }): Hook {
  if (!throughline?.audit) {
    throw new ThroughlineError('OPTIONS_INVALID', {
      message: 'throughlineHook: the first parameter must be what createThroughline() returned.',
    })
  }
  return {
    finally(context: Readonly<HookContext>, details: EvaluationDetails<FlagValue>) {
      const provider = context.providerMetadata.name
      if (provider === PROVIDER_NAME || tryCurrentTenant() === undefined) return
      const { flagKey: flag, value, variant, reason, errorCode } = details
      try {
        throughline.audit.flagEvaluated({ flag, provider, value, variant, reason, errorCode })
      } catch (error) {
        if (!(error instanceof ThroughlineError && error.code === 'CONTEXT_MISMATCH')) throw error
      }
    },
  }
}
