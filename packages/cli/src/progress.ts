import type { Terminal } from './terminal.ts'

const EVERY_MS = 5_000

/** Says on standard error how far `work` has come, as long as it takes. */
export async function withProgress<T>(terminal: Terminal, sentence: () => string, work: () => Promise<T>): Promise<T> {
  const saying = setInterval(() => terminal.warn(`${sentence()}\n`), EVERY_MS)
  try {
    return await work()
  } finally {
    clearInterval(saying)
  }
}
