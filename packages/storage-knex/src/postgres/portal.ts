import type { Connection, Submittable } from 'pg'

/** Rows asked for at first; more of them when they are small. */
const FIRST_ROWS = 16
const MOST_ROWS = 256
const SMALL_BYTES = 64 * 1_024

interface Field {
  readonly name: string
  readonly dataTypeID: number
}

interface PortalQuery {
  readonly text: string
  readonly name: string
  readonly values: readonly unknown[]
  parse(type: number, text: string): unknown
  /** Takes one row; `true` to stop. */
  onRow(row: never): boolean
}

/** The parts of `pg`'s connection that are used here; its types leave some out. */
interface Wire {
  readonly stream: { readonly writable: boolean }
  readonly parsedStatements: Readonly<Record<string, string>>
  parse(statement: { readonly text: string; readonly name: string }): void
  bind(values: { readonly statement: string; readonly values: readonly unknown[] }): void
  describe(portal: { readonly type: 'P' }): void
  execute(portal: { readonly rows: number }): void
  flush(): void
  sync(): void
}

/**
 * One statement whose rows are taken in portions and left as soon as enough were seen (the extended query protocol's
 * portal with a row limit): a page of a trail does not know beforehand how many segments it takes.
 */
export class Portal implements Submittable {
  readonly done: Promise<void>
  /** `pg` keeps in mind by these what a connection has prepared. */
  readonly name: string
  readonly text: string
  readonly #query: PortalQuery
  #fields: readonly Field[] = []
  #rows = FIRST_ROWS
  #bytes = 0
  #stopped = false
  #failure: unknown
  #resolve: () => void = () => {}
  #reject: (error: unknown) => void = () => {}

  constructor(query: PortalQuery) {
    this.#query = query
    this.name = query.name
    this.text = query.text
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
  }

  submit(connection: Connection): void {
    const wire = connection as unknown as Wire
    const { name, text } = this
    if (wire.parsedStatements[name] === undefined) wire.parse({ text, name })
    wire.bind({ statement: name, values: this.#query.values })
    wire.describe({ type: 'P' })
    wire.execute({ rows: this.#rows })
    wire.flush()
  }

  handleRowDescription({ fields }: { fields: readonly Field[] }): void {
    this.#fields = fields
  }

  handleDataRow({ fields }: { fields: readonly (string | null)[] }): void {
    if (this.#stopped) return
    try {
      const row: Record<string, unknown> = {}
      fields.forEach((text, i) => {
        const field = this.#fields[i] as Field
        row[field.name] = text === null ? null : this.#query.parse(field.dataTypeID, text)
        this.#bytes += text?.length ?? 0
      })
      this.#stopped = this.#query.onRow(row as never)
    } catch (error) {
      this.#failure = error
      this.#stopped = true
    }
  }

  handlePortalSuspended(wire: Wire): void {
    if (this.#stopped) {
      wire.sync()
      return
    }
    if (this.#bytes < SMALL_BYTES * this.#rows) this.#rows = Math.min(MOST_ROWS, this.#rows * 2)
    this.#bytes = 0
    wire.execute({ rows: this.#rows })
    wire.flush()
  }

  handleCommandComplete(_message: unknown, wire: Wire): void {
    wire.sync()
  }

  handleEmptyQuery(wire: Wire): void {
    wire.sync()
  }

  handleError(error: unknown, wire: Wire): void {
    this.#failure ??= error
    if (wire.stream.writable) wire.sync()
    this.#reject(error)
  }

  handleReadyForQuery(): void {
    if (this.#failure === undefined) this.#resolve()
    else this.#reject(this.#failure)
  }
}
