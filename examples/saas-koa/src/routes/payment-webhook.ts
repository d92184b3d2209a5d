import Router from '@koa/router'
import { enter } from '@throughline/koa'
import { z } from 'zod'
import type { AppParts } from '../../../saas-express/src/app-parts.ts'
import { isSignature, PROVIDER, payment } from '../../../saas-express/src/payments.ts'
import { answer, bodyOf } from '../answer.ts'

/** The payment provider's webhook: its tenant is in the body, which counts once the signature holds. */
export function paymentWebhook({ throughline, webhookSecret }: AppParts): Router {
  const router = new Router({ prefix: '/webhooks/payments' })

  router.post('/', async (context) => {
    const raw = (context.request as { readonly rawBody?: string }).rawBody ?? ''
    if (!isSignature(context.get('x-signature'), webhookSecret, raw)) {
      return answer(context, 401, { error: 'The signature is not valid.' })
    }
    const { data, error } = payment.safeParse(bodyOf(context))
    if (!data) return answer(context, 400, { error: z.prettifyError(error) })
    await enter(throughline, context, { tenant: data.organization, actor: PROVIDER }, async () => {
      await throughline.audit.record({
        action: 'invoice.paid',
        targets: [{ type: 'invoice', id: data.invoice }],
        metadata: { amount: data.amount },
      })
      answer(context, 204)
    })
  })
  return router
}
