/** Rows that are looked at for each decision: the tables are kept clean without a timer, as fast as they can grow. */
const ROWS_PER_DECISION = 4

export interface SweptTable {
  readonly name: string
  /** The columns of its primary key. */
  readonly key: readonly string[]
  /** The column that says when a row is over. */
  readonly over: string
}

const TABLES: readonly SweptTable[] = [
  { name: 'throughline_limits', key: ['tenant_id', 'key'], over: 'expires_at' },
  { name: 'throughline_limit_leases', key: ['tenant_id', 'key', 'lease'], over: 'ends_at' },
]

interface Hand<Statements> {
  readonly statements: Statements
  readonly first: readonly string[]
  /** The key of the row that it stands at. */
  at: readonly unknown[]
}

/** Whose turn it is to be swept, and from where on: a hand goes round each table, some rows at a time. */
export class SweepTurns<Statements> {
  readonly #rows: number
  readonly #hands: readonly Hand<Statements>[]
  #decisions = 0
  #turn = 0

  /**
   * @param rows that are looked at in one turn
   * @param statementsOf what sweeps a table
   */
  constructor(rows: number, statementsOf: (table: SweptTable) => Statements) {
    this.#rows = rows
    this.#hands = TABLES.map((table) => {
      const first = table.key.map(() => '')
      return { statements: statementsOf(table), first, at: first }
    })
  }

  get isDue(): boolean {
    return this.#decisions * ROWS_PER_DECISION >= this.#rows
  }

  count(decisions: number): void {
    this.#decisions += decisions
  }

  /** Begins the next turn. */
  next(): {
    readonly statements: Statements
    readonly after: readonly unknown[]
    moved(last: object | undefined): void
  } {
    this.#decisions = 0
    const hand = this.#hands[this.#turn] as Hand<Statements>
    this.#turn = (this.#turn + 1) % this.#hands.length
    return {
      statements: hand.statements,
      after: hand.at,
      /** @param last the key of the last row that was looked at; none: it begins anew */
      moved(last) {
        hand.at = last ? Object.values(last) : hand.first
      },
    }
  }
}
