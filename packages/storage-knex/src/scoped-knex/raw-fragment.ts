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

/** How one database reads text. */
export interface RawRules {
  /** Strings, quoted identifiers, words, comments, then any single character. */
  readonly token: RegExp
  /** What a quoted token begins with. */
  readonly quotes: string
  /** Words that are refused beside those that are everywhere. */
  readonly refused: ReadonlySet<string>
  /** Why a token may not stand where it does, for reasons of this database alone. */
  problem(tokens: readonly string[], at: number, placeholders: Placeholders): string | undefined
}

/** Words that begin a statement, name a source of rows or change how one is read. */
const REFUSED = new Set(
  `select from join table union intersect except with insert update delete into merge returning drop alter create vacuum
  reindex explain begin commit rollback savepoint release`.split(/\s+/),
)

/** How placeholders look that knex replaces in a fragment: `?` for an array of bindings, `:name` for an object. */
export type Placeholders = 'none' | 'positions' | 'names'

const PLACEHOLDER = { none: /(?!)/, positions: /\?/, names: /:\w/ } as const
const CLOSES: Readonly<Record<string, string>> = { '(': ')', '[': ']' }

/** Judges a fragment; `isTable` knows the declared tables. */
export function judgeRaw(
  sql: string,
  rules: RawRules,
  isTable: (word: string) => boolean,
  placeholders: Placeholders,
): RawVerdict {
  const tokens = (sql.match(rules.token) ?? []).filter((token) => token.trim() !== '')
  const open: string[] = []
  let list = false
  for (const [at, token] of tokens.entries()) {
    const problem =
      tokenProblem(token, tokens[at + 1], rules, isTable, PLACEHOLDER[placeholders]) ??
      rules.problem(tokens, at, placeholders)
    if (problem !== undefined) return { problem, list }
    const closes = CLOSES[token]
    if (closes !== undefined) open.push(closes)
    if ((token === ')' || token === ']') && open.pop() !== token)
      return { problem: 'it closes a parenthesis that it did not open', list }
    if (token === ',' && open.length === 0) list = true
  }
  return { problem: open.length === 0 ? undefined : 'it leaves a parenthesis open', list }
}

function tokenProblem(
  token: string,
  next: string | undefined,
  rules: RawRules,
  isTable: (word: string) => boolean,
  placeholder: RegExp,
): string | undefined {
  if (token === ';' || token === '--' || token === '/*' || token === '\0') return `it holds "${token}"`
  const quoted = isQuoted(token, rules.quotes)
  if (quoted && placeholder.test(token)) return 'a placeholder stands inside quotes'
  if (!quoted && rules.quotes.includes(token)) return 'it leaves a quote open'
  if (token.startsWith("'")) return undefined
  const word = (quoted ? token.slice(1, -1) : token).toLowerCase()
  if (!quoted && (REFUSED.has(word) || rules.refused.has(word))) return `it holds "${word}"`
  // SQLite reads `x in name` as a sub-select of the table `name`.
  if (!quoted && word === 'in' && next !== '(') return '"in" is not followed by a parenthesis'
  // Before a dot it qualifies a column; anywhere else it could be read as a table.
  if (isTable(word) && next !== '.') return `it names the table "${word}"`
  return undefined
}

export function isQuoted(token: string, quotes: string): boolean {
  return token.length > 1 && quotes.includes(token.charAt(0))
}
