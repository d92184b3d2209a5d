/** A table or a view of ours. */
export interface RecordsTable {
  readonly type: 'table' | 'view'
  readonly name: string
  /** Of a table. */
  readonly rows?: number
}
