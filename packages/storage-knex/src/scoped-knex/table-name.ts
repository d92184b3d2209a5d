/** A table as a statement names it. */
export interface TableName {
  readonly schema: string | undefined
  readonly table: string
  readonly alias: string | undefined
}

const ALIAS = / as /i

/** Reads `schema.table as alias` by knex's own rules: the first ` as `, in any case, parts the alias off. */
export function parseTableName(text: string): TableName | undefined {
  const at = text.search(ALIAS)
  const name = at === -1 ? text : text.slice(0, at)
  const alias = at === -1 ? undefined : text.slice(at + 4).trim()
  const parts = name.split('.').map((part) => part.trim())
  const [first, second] = parts
  if (parts.length > 2 || !first || second === '' || alias === '') return undefined
  return second === undefined ? { schema: undefined, table: first, alias } : { schema: first, table: second, alias }
}

/** The column that a key of a row or of `set` names, by knex's rules: what stands last before an alias. */
export function columnOf(key: string): string {
  const at = key.search(ALIAS)
  const name = at === -1 ? key : key.slice(0, at)
  return name.slice(name.lastIndexOf('.') + 1).trim()
}
