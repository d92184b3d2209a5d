import { createHmac, timingSafeEqual } from 'node:crypto'
import { z } from 'zod'

/** What the payment provider tells of an invoice that was paid. */
export const payment = z.object({
  organization: z.string(),
  invoice: z.string().max(100),
  amount: z.string().max(20),
})

export const PROVIDER = { id: 'payments', type: 'service', name: 'Payment provider' } as const

/** The provider's signature of a body. */
export function signatureOf(secret: string, body: string | Buffer): string {
  return createHmac('sha256', secret).update(body).digest('hex')
}

export function isSignature(given: string, secret: string, body: string | Buffer): boolean {
  const [found, expected] = [Buffer.from(given), Buffer.from(signatureOf(secret, body))]
  return expected.length === found.length && timingSafeEqual(expected, found)
}
