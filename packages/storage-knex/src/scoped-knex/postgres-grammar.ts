import type { Grammar } from './grammar.ts'
import { CALLABLE } from './postgres-functions.ts'
import { isQuoted, type Placeholders, type RawRules } from './raw-fragment.ts'

// The cast says how to compare: text with a `citext` column byte by byte, and a column of another type fails.
const TYPED = { string: '?::text', uuid: '?::uuid', integer: '?::bigint' } as const

/** Postgres cuts a longer name off, so that two of them are one. */
const MAX_NAME_BYTES = 63
/** knex takes this for the place in an array, and drops what follows. */
const SUBSCRIPT = /(.*?)(\[[0-9]+\])/

/** Knex numbers every `?` that has no backslash before it, in quotes or not. */
const PLACEHOLDER = /(\\*)\?/g

const QUOTES = '\'"'
// Before 15 a word may follow a number without a space: "1from" is two.
const TOKEN = /\s+|'(?:[^']|'')*'|"(?:[^"]|"")*"|[\p{L}_][\p{L}\p{N}_$]*|\d[\d.]*(?:e[-+]?\d+)?|--|\/\*|\\\?|[\s\S]/giu

export const postgresGrammar: Grammar = {
  mainSchema: undefined,
  compared: TYPED,
  selected: TYPED,
  steps: ['using', '_updateFrom'],
  // `text`, `values` and `submit` would replace the statement.
  driverOptions: new Set(['name', 'query_timeout', 'rowMode', 'types']),
  fold: (name) => cut(name.match(SUBSCRIPT)?.[1] ?? name),
  isName: (name) => !name.includes('?') && !SUBSCRIPT.test(name) && Buffer.byteLength(name) <= MAX_NAME_BYTES,
  isColumn: (name) => !name.includes('?'),
  isBound: ({ sql, bindings }) => {
    let places = 0
    for (const [, escapes = ''] of sql.matchAll(PLACEHOLDER)) if (escapes.length % 2 === 0) places++
    return places === bindings.length
  },
  rawRules(functions): RawRules {
    const callable = new Set([...CALLABLE, ...functions])
    return {
      quotes: QUOTES,
      token: TOKEN,
      refused: new Set(['lateral', 'uescape', 'tablesample', 'copy', 'call']),
      problem: (tokens, at, placeholders) =>
        lexicalProblem(tokens[at] ?? '', placeholders) ??
        (tokens[at + 1] === '(' ? callProblem(tokens, at, callable) : undefined),
    }
  },
}

function cut(name: string): string {
  if (Buffer.byteLength(name) <= MAX_NAME_BYTES) return name
  let kept = ''
  for (const letter of name) {
    if (Buffer.byteLength(kept + letter) > MAX_NAME_BYTES) break
    kept += letter
  }
  return kept
}

/** What Postgres or knex would read otherwise than the scanner does. */
function lexicalProblem(token: string, placeholders: Placeholders): string | undefined {
  if (token === '$') return 'it holds "$"'
  const unescaped = token.replaceAll('\\?', '')
  // In `E'…'`, in `U&'…'`, and in every string where `standard_conforming_strings` is off, it hides what follows.
  if (unescaped.includes('\\')) return 'it holds a backslash that does not stand before a "?"'
  if (!unescaped.includes('?')) return undefined
  if (isQuoted(token, QUOTES)) return 'a placeholder stands inside quotes'
  return placeholders === 'positions' ? undefined : 'it holds a "?" without a binding; as an operator, write "\\?"'
}

/** A function may read any table, or run any text: only those that are known to do neither may be called. */
function callProblem(tokens: readonly string[], at: number, callable: ReadonlySet<string>): string | undefined {
  const token = tokens[at] ?? ''
  if (token === '?' || token === ':') return 'it calls a function whose name is bound'
  const own = nameOf(token)
  if (own === undefined) return undefined
  const schema = tokens[at - 1] === '.' ? (nameOf(tokens[at - 2] ?? '') ?? '?') : 'pg_catalog'
  const name = schema === 'pg_catalog' ? own : `${schema}.${own}`
  return callable.has(name) ? undefined : `it calls "${name}", which is not declared among the \`functions\``
}

/** The name that a word or a quoted identifier stands for. */
function nameOf(token: string): string | undefined {
  if (token.length > 1 && token.startsWith('"')) return token.slice(1, -1).replaceAll('""', '"')
  return /^[\p{L}_]/u.test(token) ? token.toLowerCase() : undefined
}
