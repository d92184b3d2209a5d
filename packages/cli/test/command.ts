import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createThroughline, perMinute } from '@throughline/core'
import { knexStorage } from '@throughline/storage-knex'
import { runCommandLine } from '../src/command-line.ts'

const entry = resolve(import.meta.dirname, '../src/throughline.ts')

export interface Finished {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Carries out a command line in this process: what is the same in a process of its own, but for a second of start. */
export async function commandLine(...args: readonly string[]): Promise<Finished> {
  return commandLineUntil(new Promise(() => {}), ...args)
}

/** The same, for a command that runs until it is stopped. */
export async function commandLineUntil(stopped: Promise<void>, ...args: readonly string[]): Promise<Finished> {
  let stdout = ''
  let stderr = ''
  const code = await runCommandLine(args, {
    write: (text) => {
      stdout += text
    },
    drained: async () => true,
    warn: (text) => {
      stderr += text
    },
    now: Date.now,
    stopped: () => stopped,
  })
  return { code, stdout, stderr }
}

/** Runs the command as a process of its own, from its sources. */
export function throughline(...args: readonly string[]): Promise<Finished> {
  return new Promise((done) => {
    const child = execFile(process.execPath, ['--conditions=source', entry, ...args], (_, stdout, stderr) =>
      done({ code: child.exitCode, stdout, stderr }),
    )
  })
}

/** A folder that goes away with the test. */
export async function scratchFolder(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'throughline-cli-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/** An app on a records file: two tenants, limits, config-free. */
export function appOn(filename: string, options: { readonly project?: boolean } = {}) {
  return createThroughline({
    storage: knexStorage({ filename, answerWithinMs: 20_000 }),
    tenants: { load: (id: string) => ({ id, name: id, plan: 'free' }) },
    limits: { api: perMinute(1) },
    journal: { project: options.project ?? true, drainTimeout: 20_000 },
  })
}
