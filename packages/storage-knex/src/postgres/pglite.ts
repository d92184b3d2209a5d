import type { Knex } from 'knex'

/** What is used of PGlite; its types are nobody's who does not use it. */
export interface Pglite {
  /** OID → how a column is read, for those types that are read as more than text. */
  readonly parsers: Readonly<Record<number | string, unknown>>
  readonly dataDir?: string | undefined
  transaction<T>(work: (transaction: PgliteTransaction) => Promise<T>): Promise<T>
  onNotification(listener: (channel: string, payload: string) => void): () => void
}

export interface PgliteTransaction {
  query<Row>(sql: string, values: readonly unknown[], options: PgliteOptions): Promise<{ readonly rows: Row[] }>
  exec(sql: string): Promise<unknown>
}

export interface PgliteOptions {
  readonly parsers: Readonly<Record<number, (text: string) => unknown>>
}

/** What is used of a knex on PGlite: it has one connection, which the app and we take turns with. */
export interface PgliteClient {
  readonly pglite: Pglite
  acquireConnection(): Promise<Pglite>
  releaseConnection(connection: Pglite): Promise<void>
}

/** The client of a knex whose database is a PGlite (`knex-pglite`); `undefined` where it is another one. */
export function pgliteClientOf(knex: Knex): PgliteClient | undefined {
  const client:
    | { readonly pglite?: { readonly transaction?: unknown; readonly onNotification?: unknown } }
    | undefined = knex.client
  const pglite = client?.pglite
  const isPglite = typeof pglite?.transaction === 'function' && typeof pglite.onNotification === 'function'
  return isPglite ? (client as PgliteClient) : undefined
}
