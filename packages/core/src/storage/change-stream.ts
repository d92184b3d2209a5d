import type { Change } from './records.ts'

const OF_TRANSACTION = '.t'

/**
 * The writer of the one batch that a transaction of the app's own appends. Such a transaction may stay open for long, or
 * be rolled back: a chain of batches could neither wait for it nor go on without it.
 */
export function transactionWriter(id: string): string {
  return id + OF_TRANSACTION
}

/** Whether a writer appends one batch and no other: then nothing is remembered of it. */
export function isTransactionWriter(writer: string): boolean {
  return writer.endsWith(OF_TRANSACTION)
}

/**
 * The stream that a process's changes are numbered in: `<writer>.c`, one for each lane, since a lane is projected
 * without regard to the others and a sequence that crosses lanes would show gaps.
 */
export function changeStream({ writer, lane }: Pick<Change, 'writer' | 'lane'>): string {
  return lane === 0 ? `${writer}.c` : `${writer}.c.${lane}`
}
