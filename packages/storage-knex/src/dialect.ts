import { limitTables } from './limits/limit-tables.ts'
import { LIMIT_ROUTINES } from './limits/postgres/limit-routines.ts'
import { partitionedJournal } from './postgres/journal-slots.ts'
import { replacedView } from './postgres/replaced-view.ts'
import { READ_JSON, ROUTINES } from './postgres/routines.ts'

/** Where databases differ in the SQL that we write ourselves; everything else is the same text for all of them. */
export interface Dialect {
  readonly name: string
  readonly text: string
  /** A whole number of 64 bits: ms since the epoch, sequences, quantities. */
  readonly integer: string
  /** Functions that columns are computed by: there before the first table. */
  readonly columnRoutines: readonly string[]
  /** All functions, each in place of one of its name. */
  readonly routines: readonly string[]
  /** What limits need in the records' schema; none where they have a place of their own. */
  readonly limits: readonly string[]
  /** Ends a `create table` whose rows are stored in the order of the primary key. */
  readonly clustered: string
  /** Makes the journal's table: these columns, and an `id` that only grows. */
  journal(columns: string): readonly string[]
  /** Makes a view, in place of one of its name. */
  view(name: string, select: string): readonly string[]
  /** A column computed from a JSON document's top-level member. */
  generated(column: string, document: string, member: string): string
  /** A member of a JSON value as text. */
  member(json: string, path: string): string
  /** A member of a JSON value as a number. */
  number(json: string, path: string): string
  /** A member of a JSON value as JSON. */
  part(json: string, path: string): string
  /** The JSON object with a member added, unless it has one of this name. */
  withMember(json: string, name: string, value: string): string
  /** Stored JSON text as a JSON value. */
  parsed(text: string): string
  /** Stored JSON text as a JSON value; an empty array where it is not well-formed. */
  arrayOrEmpty(text: string): string
  /** A JSON value, or this text where there is none. */
  orElse(json: string, text: string): string
  /** A table of a JSON array's items: columns `key` (from 0) and `value`; stands after `CROSS JOIN`. */
  items(json: string, alias: string): string
  /** One JSON object of two columns, over a group. */
  objectOf(key: string, value: string): string
  /** ms since the epoch as ISO 8601 in UTC, with ms. */
  isoTime(ms: string): string
}

const member = (json: string, path: string): string => `json_extract(${json}, '$.${path}')`

export const sqlite: Dialect = {
  name: 'sqlite',
  text: 'TEXT',
  integer: 'INTEGER',
  columnRoutines: [],
  routines: [],
  limits: [],
  clustered: 'WITHOUT ROWID',
  journal: (columns) => [
    `CREATE TABLE throughline_journal (
  id INTEGER NOT NULL PRIMARY KEY,
${columns}
)`,
    'CREATE UNIQUE INDEX throughline_journal_writer ON throughline_journal (writer, seq)',
    'CREATE INDEX throughline_journal_lane ON throughline_journal (lane, id)',
  ],
  view: (name, select) => [`DROP VIEW IF EXISTS ${name}`, `CREATE VIEW ${name} AS\n${select}`],
  generated: (column, document, member) =>
    `${column} TEXT GENERATED ALWAYS AS (json_extract(${document}, '$.${member}')) VIRTUAL`,
  member,
  number: member,
  part: (json, path) => `${json} -> '$.${path}'`,
  withMember: (json, name, value) => `json_insert(${json}, '$.${name}', ${value})`,
  parsed: (text) => text,
  orElse: (json, text) => `coalesce(${json}, ${text})`,
  arrayOrEmpty: (json) => `CASE WHEN json_valid(${json}) THEN ${json} ELSE '[]' END`,
  items: (json, alias) => `json_each(${json}) AS ${alias}`,
  objectOf: (key, value) => `json_group_object(${key}, ${value})`,
  isoTime: (ms) => `strftime('%Y-%m-%dT%H:%M:%fZ', (${ms}) / 1000.0, 'unixepoch')`,
}

const path = (name: string): string => `'{${name.replaceAll('.', ',')}}'`

/** Bytes decide equality and order, whatever the database's language. */
const TEXT = 'text COLLATE "C"'

export const postgres: Dialect = {
  name: 'postgres',
  text: TEXT,
  integer: 'bigint',
  columnRoutines: [READ_JSON],
  routines: ROUTINES,
  // Room for the versions of rows that change all the time, beside the rows themselves.
  limits: [...limitTables({ text: TEXT, integer: 'bigint' }, 'WITH (fillfactor = 60)'), ...LIMIT_ROUTINES],
  clustered: '',
  journal: partitionedJournal,
  view: replacedView,
  generated: (column, document, name) =>
    `${column} text COLLATE "C" GENERATED ALWAYS AS (throughline_json(${document}) ->> '${name}') STORED`,
  member: (json, name) => `((${json} #>> ${path(name)}) COLLATE "C")`,
  number: (json, name) => `(${json} #>> ${path(name)})::bigint`,
  part: (json, name) => `(${json} #> ${path(name)})`,
  withMember: (json, name, value) =>
    `CASE WHEN (${json})::json -> '${name}' IS NOT NULL THEN (${json})::json ELSE (left((${json})::text, -1)
      || CASE WHEN (${json})::text = '{}' THEN '' ELSE ',' END || '"${name}":' || to_json(${value})::text || '}')::json END`,
  parsed: (text) => `throughline_json(${text})`,
  orElse: (json, text) => `coalesce(${json}, ${text}::json)`,
  arrayOrEmpty: (text) => `throughline_json(${text})`,
  items: (json, alias) =>
    `LATERAL (SELECT o.ordinality - 1 AS key, o.value FROM json_array_elements(${json}) WITH ORDINALITY AS o) AS ${alias}`,
  objectOf: (key, value) => `coalesce(json_object_agg(${key}, ${value}), '{}'::json)`,
  isoTime: (ms) =>
    `to_char(to_timestamp((${ms}) / 1000.0) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') COLLATE "C"`,
}
