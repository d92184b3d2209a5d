import { createHmac, timingSafeEqual } from 'node:crypto'
import express, { Router } from 'express'
import type { AppParts } from '../app.ts'

/** The payment provider's signature of a body. */
export function signatureOf(secret: string, body: string | Buffer): string {
  return createHmac('sha256', secret).update(body).digest('hex')
}

/** The payment provider says which plan an organization has paid for. */
export function paymentWebhook({ database, webhookSecret }: AppParts): Router {
  const router = Router()

  router.post('/', express.raw({ type: 'application/json' }), async (req, res) => {
    const body = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0)
    const expected = Buffer.from(signatureOf(webhookSecret, body))
    const found = Buffer.from(req.get('x-signature') ?? '')
    if (expected.length !== found.length || !timingSafeEqual(expected, found)) {
      return void res.status(401).json({ error: 'The signature is not valid.' })
    }
    const { organization, plan } = JSON.parse(body.toString()) as { organization: number; plan: string }
    const changed = await database('organizations').where({ id: organization }).update({ plan })
    res.status(changed > 0 ? 204 : 404).end()
  })
  return router
}
