import { postgres } from '../dialect.ts'
import { allMigrations } from '../migrations/migrations.ts'

/** Names of a kind of thing that our migrations make; anything else in a schema is the app's, whatever it is called. */
export function ownNames(kind: 'TABLE' | 'VIEW' | 'SEQUENCE' | 'FUNCTION'): readonly string[] {
  const made = new RegExp(`^CREATE (?:OR REPLACE )?${kind}(?: IF NOT EXISTS)? (throughline_\\w+)`)
  const names = allMigrations(postgres).flatMap(({ statements }) =>
    statements.flatMap((statement) => made.exec(statement)?.[1] ?? []),
  )
  return kind === 'TABLE' ? ['throughline_migrations', ...names] : names
}
