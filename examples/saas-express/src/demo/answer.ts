import Sqlite from 'better-sqlite3'

/** The test question, as anybody may ask it who can read the file: one statement, without our code. */
export const QUESTION = `SELECT occurred_at, action, outcome, actor_id, method, path, status, targets, metadata, count
FROM throughline_timeline
WHERE tenant_id = :tenant AND occurred_at >= :from AND occurred_at < :to
ORDER BY occurred_at DESC`

export interface Asked {
  readonly tenant: string
  /** ISO 8601 with ms, inclusive. */
  readonly from: string
  /** ISO 8601 with ms, exclusive. */
  readonly to: string
}

/** A row of the view. */
export interface AnswerRow {
  readonly occurred_at: string
  readonly action: string
  readonly outcome: string
  readonly actor_id: string
  readonly method: string | null
  readonly path: string | null
  readonly status: number | null
  /** JSON. */
  readonly targets: string
  /** JSON. */
  readonly metadata: string
  readonly count: number
}

/** Answers the question from the file alone, opened for reading. */
export function askBySql(recordsFile: string, asked: Asked): readonly AnswerRow[] {
  const database = new Sqlite(recordsFile, { readonly: true, fileMustExist: true })
  try {
    return database.prepare<[Asked], AnswerRow>(QUESTION).all(asked)
  } finally {
    database.close()
  }
}
