/** Where databases differ in the SQL that we write ourselves; everything else is the same text for all of them. */
export interface Dialect {
  readonly name: string
  readonly text: string
  /** A whole number of 64 bits: ms since the epoch, sequences, quantities. */
  readonly integer: string
  /** Ends a `create table` whose rows are stored in the order of the primary key. */
  readonly clustered: string
  /** A column computed from a JSON document's top-level member. */
  generated(column: string, document: string, member: string): string
  /** A member of a JSON value as text or number. */
  member(json: string, path: string): string
  /** A member of a JSON value as JSON. */
  part(json: string, path: string): string
  /** The JSON object with a member added, unless it has one of this name. */
  withMember(json: string, name: string, value: string): string
  /** The JSON text itself if it is well-formed, else an empty array. */
  arrayOrEmpty(json: string): string
  /** A table of a JSON array's items: columns `key` (from 0) and `value`. */
  items(json: string, alias: string): string
  /** One JSON object of two columns, over a group. */
  objectOf(key: string, value: string): string
  /** ms since the epoch as ISO 8601 in UTC, with ms. */
  isoTime(ms: string): string
}

export const sqlite: Dialect = {
  name: 'sqlite',
  text: 'TEXT',
  integer: 'INTEGER',
  clustered: 'WITHOUT ROWID',
  generated: (column, document, member) =>
    `${column} TEXT GENERATED ALWAYS AS (json_extract(${document}, '$.${member}')) VIRTUAL`,
  member: (json, path) => `json_extract(${json}, '$.${path}')`,
  part: (json, path) => `${json} -> '$.${path}'`,
  withMember: (json, name, value) => `json_insert(${json}, '$.${name}', ${value})`,
  arrayOrEmpty: (json) => `CASE WHEN json_valid(${json}) THEN ${json} ELSE '[]' END`,
  items: (json, alias) => `json_each(${json}) AS ${alias}`,
  objectOf: (key, value) => `json_group_object(${key}, ${value})`,
  isoTime: (ms) => `strftime('%Y-%m-%dT%H:%M:%fZ', (${ms}) / 1000.0, 'unixepoch')`,
}
