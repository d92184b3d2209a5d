import { parentPort, workerData } from 'node:worker_threads'
import { loadDriver } from '../../sqlite/driver.ts'
import { failureOf } from '../../sqlite/failure.ts'
import type { LimitsMessage, LimitsReply, LimitsThreadOptions, LimitsTrace } from './limits-protocol.ts'
import { LimitsThread } from './limits-thread.ts'

const port = parentPort
if (!port) throw new Error('This file is the entry of a worker thread.')

const options: LimitsThreadOptions = workerData
const trace = options.trace ? (sql: string) => port.postMessage({ sql } satisfies LimitsTrace) : undefined
const thread = await loadDriver().then(
  (driver) => new LimitsThread(driver, options, trace),
  (error: unknown) => ({ answer: (): LimitsReply => ({ failure: failureOf(error) }), sweep: () => {} }),
)

port.on('message', (message: LimitsMessage) => {
  port.postMessage(thread.answer(message) satisfies LimitsReply)
  thread.sweep()
})
