import { EventEmitter } from 'node:events'
import type Driver from 'better-sqlite3'
import Database from 'better-sqlite3'
import type { Request, ThreadOptions } from '../src/sqlite/protocol.ts'
import { RecordsThread } from '../src/sqlite/records-thread.ts'
import type { Thread } from '../src/sqlite/start-thread.ts'

/** A thread's work on this thread: starts at once, and its database can be made to fail. */
export function inProcessThread(driver: typeof Driver = Database): (options: ThreadOptions) => Thread {
  return (options) => {
    const events = new EventEmitter()
    const work = new RecordsThread(
      driver,
      options,
      options.trace ? (sql) => void events.emit('message', { sql }) : undefined,
    )
    const thread = Object.assign(events, {
      postMessage(message: unknown) {
        const request: Request = structuredClone(message as Request)
        setImmediate(() => {
          const answer = structuredClone(work.answer(request))
          setImmediate(() => events.emit('message', answer))
        })
      },
      ref() {},
      unref() {},
      async terminate() {
        work.close()
        return 0
      },
    })
    return thread as unknown as Thread
  }
}

/** A thread that starts, and then swallows everything. */
export function deafThread(): Thread & { readonly received: Request[] } {
  const received: Request[] = []
  const events = new EventEmitter()
  const thread = Object.assign(events, {
    received,
    postMessage(message: unknown) {
      const request = message as Request
      if (request.operations[0]?.[0] === 'ready') setImmediate(() => events.emit('message', { id: request.id }))
      else received.push(request)
    },
    ref() {},
    unref() {},
    async terminate() {
      events.emit('exit')
      return 0
    },
  })
  return thread as unknown as Thread & { readonly received: Request[] }
}
