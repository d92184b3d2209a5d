import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify(scrypt) as (password: string, salt: Buffer, length: number) => Promise<Buffer>

/** A salted scrypt hash, as text. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  const hash = await derive(password, salt, 32)
  return `${salt.toString('base64url')}.${hash.toString('base64url')}`
}

/** Whether this is the password; a user that does not exist takes as long as one that does. */
export async function isPassword(password: string, stored: string | undefined): Promise<boolean> {
  const [salt = '', hash = ''] = (stored ?? NOBODY).split('.')
  const found = await derive(password, Buffer.from(salt, 'base64url'), 32)
  const expected = Buffer.from(hash, 'base64url')
  return expected.length === found.length && timingSafeEqual(expected, found) && stored !== undefined
}

const NOBODY = `${'A'.repeat(22)}.${'A'.repeat(43)}`
