import type { Change } from './records.ts'

/**
 * The stream that a process's changes are numbered in: `<writer>.c`, one for each lane, since a lane is projected
 * without regard to the others and a sequence that crosses lanes would show gaps.
 */
export function changeStream({ writer, lane }: Pick<Change, 'writer' | 'lane'>): string {
  return lane === 0 ? `${writer}.c` : `${writer}.c.${lane}`
}
