import { errors, jwtVerify, SignJWT } from 'jose'

/** The user that a token was issued to. */
export interface LoggedInUser {
  readonly id: string
  readonly name: string
}

/** Signs and verifies the tokens of the application's own login. */
export interface Tokens {
  issue(user: LoggedInUser): Promise<string>
  /** `undefined` for a token that does not hold. */
  verify(token: string): Promise<LoggedInUser | undefined>
}

const ISSUER = 'saas-express'
const AUDIENCE = 'saas-express-api'
const ALGORITHM = 'HS256'

/**
 * A token says who the user is, and not for which tenant: the host names it, and membership decides. So one user in two
 * tenants has one login.
 *
 * @param secret at least 32 bytes
 */
export function tokensSignedWith(secret: Uint8Array): Tokens {
  return {
    issue: ({ id, name }) =>
      new SignJWT({ name })
        .setProtectedHeader({ alg: ALGORITHM })
        .setSubject(id)
        .setIssuer(ISSUER)
        .setAudience(AUDIENCE)
        .setIssuedAt()
        .setExpirationTime('8h')
        .sign(secret),
    async verify(token) {
      try {
        const { payload } = await jwtVerify(token, secret, {
          issuer: ISSUER,
          audience: AUDIENCE,
          algorithms: [ALGORITHM],
        })
        const { sub, name } = payload
        return typeof sub === 'string' && typeof name === 'string' ? { id: sub, name } : undefined
      } catch (error) {
        if (error instanceof errors.JOSEError) return undefined
        throw error
      }
    },
  }
}
