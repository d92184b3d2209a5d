import type { AppDatabase } from './database.ts'
import type { Tokens } from './login/tokens.ts'
import type { AppThroughline } from './throughline.ts'

/** Everything the application is made of. */
export interface AppParts {
  readonly database: AppDatabase
  readonly throughline: AppThroughline
  readonly tokens: Tokens
  /** Shared with the payment provider, which signs its webhooks with it. */
  readonly webhookSecret: string
  /** `acme.<domain>` is the tenant acme's. */
  readonly domain: string
  /** Told of every error that is a bug. */
  readonly logError: (error: unknown) => void
}
