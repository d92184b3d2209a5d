import { enter } from '@throughline/express'
import express, { Router } from 'express'
import { z } from 'zod'
import type { AppParts } from '../app-parts.ts'
import { isSignature, PROVIDER, payment } from '../payments.ts'

/** The payment provider's webhook: its tenant is in the body, which counts once the signature holds. */
export function paymentWebhook({ throughline, webhookSecret }: AppParts): Router {
  const router = Router()

  router.post('/', express.raw({ type: 'application/json', limit: '100kb' }), async (req, res) => {
    const body = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0)
    if (!isSignature(req.get('x-signature') ?? '', webhookSecret, body)) {
      return void res.status(401).json({ error: 'The signature is not valid.' })
    }
    const { data, error } = payment.safeParse(JSON.parse(body.toString()))
    if (!data) return void res.status(400).json({ error: z.prettifyError(error) })
    await enter(throughline, req, { tenant: data.organization, actor: PROVIDER }, async () => {
      await throughline.audit.record({
        action: 'invoice.paid',
        targets: [{ type: 'invoice', id: data.invoice }],
        metadata: { amount: data.amount },
      })
      res.status(204).end()
    })
  })
  return router
}
