/**
 * Raw SQL that may stand inside a scoped statement is an expression: no source of rows, no statement of its own, and
 * nothing that reaches past its own end. Whatever the scanner does not understand is refused.
 */
export interface RawVerdict {
  /** Why it is refused; undefined: it may stand. */
  readonly problem: string | undefined
  /** It holds a comma outside parentheses, so it is more than one value. */
  readonly list: boolean
}

/** Words that begin a statement, name a source of rows or change how one is read. */
const REFUSED = new Set(
  `select from join table union intersect except with insert update delete into merge returning pragma attach detach
  drop alter create vacuum reindex explain begin commit rollback savepoint release load_extension`.split(/\s+/),
)

/** Strings, quoted identifiers, words, comments, then any single character. */
const TOKEN =
  /\s+|'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|[\p{L}_][\p{L}\p{N}_$]*|\d[\p{L}\p{N}_.]*|--|\/\*|[\s\S]/gu

/** How placeholders look that knex replaces in a fragment: `?` for an array of bindings, `:name` for an object. */
export type Placeholders = 'none' | 'positions' | 'names'

const PLACEHOLDER = { none: /(?!)/, positions: /\?/, names: /:\w/ } as const

/** Judges a fragment; `isTable` knows the declared tables. */
export function judgeRaw(sql: string, isTable: (word: string) => boolean, placeholders: Placeholders): RawVerdict {
  const tokens = (sql.match(TOKEN) ?? []).filter((token) => token.trim() !== '')
  let depth = 0
  let list = false
  for (const [at, token] of tokens.entries()) {
    const next = tokens[at + 1]
    const problem = tokenProblem(token, next, isTable, PLACEHOLDER[placeholders])
    if (problem !== undefined) return { problem, list }
    if (token === '(') depth++
    if (token === ')' && --depth < 0) return { problem: 'it closes a parenthesis that it did not open', list }
    if (token === ',' && depth === 0) list = true
  }
  return { problem: depth === 0 ? undefined : 'it leaves a parenthesis open', list }
}

function tokenProblem(
  token: string,
  next: string | undefined,
  isTable: (word: string) => boolean,
  placeholder: RegExp,
): string | undefined {
  if (token === ';' || token === '--' || token === '/*' || token === '\0') return `it holds "${token}"`
  const quoted = isQuoted(token)
  if (quoted && placeholder.test(token)) return 'a placeholder stands inside quotes'
  if (!quoted && `'"\`[`.includes(token)) return 'it leaves a quote open'
  if (token.startsWith("'")) return undefined
  const word = (quoted ? token.slice(1, -1) : token).toLowerCase()
  if (!quoted && REFUSED.has(word)) return `it holds "${word}"`
  // SQLite reads `x in name` as a sub-select of the table `name`.
  if (!quoted && word === 'in' && next !== '(') return '"in" is not followed by a parenthesis'
  // Before a dot it qualifies a column; anywhere else it could be read as a table.
  if (isTable(word) && next !== '.') return `it names the table "${word}"`
  return undefined
}

function isQuoted(token: string): boolean {
  return token.length > 1 && `'"\`[`.includes(token.charAt(0))
}
