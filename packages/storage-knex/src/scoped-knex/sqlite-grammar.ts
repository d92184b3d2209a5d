import type { Grammar } from './grammar.ts'
import type { RawRules } from './raw-fragment.ts'

// Compared byte by byte: a column declared `collate nocase` would take `Acme` for `acme`.
const EXACT = '? collate binary'

const RAW: RawRules = {
  quotes: '\'"`[',
  token:
    /\s+|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|[\p{L}_][\p{L}\p{N}_$]*|\d[\p{L}\p{N}_.]*|--|\/\*|[\s\S]/gu,
  refused: new Set(['pragma', 'attach', 'detach', 'load_extension']),
  problem: () => undefined,
}

/** Text, names and comments, where nothing is a placeholder, and what is one elsewhere. */
const PLACES = /'[^']*'|"[^"]*"|`[^`]*`|\[[^\]]*\]|\/\*[\s\S]*?\*\/|\?\d*|[:@]|(?<![\w$\x80-\uffff])\$/g

export const sqliteGrammar: Grammar = {
  // SQLite looks in `main` when no schema is named; an attached or temporary one holds other tables.
  mainSchema: 'main',
  compared: { string: EXACT, uuid: EXACT, integer: '?' },
  selected: { string: '?', uuid: '?', integer: '?' },
  steps: [],
  driverOptions: undefined,
  /** SQLite compares names without regard to the case of ASCII letters, and of these only. */
  fold: (name) => name.replace(/[A-Z]/g, (letter) => letter.toLowerCase()),
  isName: () => true,
  isColumn: () => true,
  // Knex binds by position. A driver that does not count would put the tenant, or the client's text for it, elsewhere.
  isBound: ({ sql, bindings }) => {
    let places = 0
    for (const token of sql.match(PLACES) ?? []) {
      if (token === '?') places++
      // `?1`, `:name`, `@name` and `$name` choose their binding themselves.
      else if ('?:@$'.includes(token.charAt(0))) return false
    }
    return places === bindings.length
  },
  rawRules: () => RAW,
}
