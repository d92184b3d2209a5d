/** What a command sees of the world besides the records. */
export interface Terminal {
  /** Writes to standard output. */
  write(text: string): void
  /** Resolves when what was written is gone, as far as it must be before there is more; to `false` if nobody reads it. */
  drained(): Promise<boolean>
  /** Writes to standard error. */
  warn(text: string): void
  /** ms since the epoch. */
  now(): number
  /** Resolves when whoever started the command wants it to end: SIGINT, SIGTERM. */
  stopped(): Promise<void>
}

/** Exit codes: 1 says that the records are not as they should be, 2 that the command can not be carried out as given. */
export type ExitCode = 0 | 1 | 2
