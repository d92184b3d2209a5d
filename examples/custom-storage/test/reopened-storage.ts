import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RecordsOpen, RecordsStore } from '@throughline/core/storage'
import type { StorageUnderTest } from '@throughline/core/testing'
import { jsonLinesStorage } from '../src/json-lines-storage.ts'

export interface ScratchStorage extends StorageUnderTest {
  readonly filename: string
  /** Closes it and opens it again as it was opened. */
  reopen(): Promise<void>
  forge(): Promise<void>
}

/** A storage in a folder that goes away with it. */
export function scratchStorage(): ScratchStorage {
  const folder = mkdtempSync(join(tmpdir(), 'throughline-custom-'))
  const filename = join(folder, 'records.jsonl')
  const { records } = jsonLinesStorage({ filename })
  let opened: RecordsOpen | undefined
  const reopen = async (): Promise<void> => {
    if (!opened) return
    await records.close()
    await records.open(opened)
  }
  return {
    filename,
    reopen,
    storage: {
      records: {
        ...records,
        open(options) {
          opened = options
          return records.open(options)
        },
      },
    },
    async forge() {
      const lines = readFileSync(filename, 'utf8').trimEnd().split('\n')
      const newest = lines.pop() ?? ''
      await records.close()
      writeFileSync(filename, lines.map((line) => `${line}\n`).join(''))
      appendFileSync(filename, `${newest.replace('request.handled', 'request.forged')}\n`)
      if (opened) await records.open(opened)
    },
    async destroy() {
      await records.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** The same storage, opened anew before every call but a lease's, which does not outlive its process. */
export function reopenedStorage(): StorageUnderTest {
  const scratch = scratchStorage()
  const { records } = scratch.storage
  let queue: Promise<unknown> = Promise.resolve()
  const anew =
    <Args extends unknown[], R>(call: (...args: Args) => Promise<R>) =>
    (...args: Args): Promise<R> => {
      const result = queue.then(scratch.reopen).then(() => call(...args))
      queue = result.catch(() => undefined)
      return result
    }
  const reopened: RecordsStore = {
    ...records,
    append: anew(records.append),
    commit: anew(records.commit),
    project: anew(records.project),
    backlog: anew(records.backlog),
    read: anew(records.read),
    list: anew(records.list),
    versions: anew(records.versions),
    timeline: anew(records.timeline),
    usage: anew(records.usage),
  }
  return { ...scratch, storage: { records: reopened } }
}
