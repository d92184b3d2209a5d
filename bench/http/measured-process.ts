import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

export type Variant = 'bare' | 'full' | 'quota' | 'postgres'

export type Framework = 'express' | 'koa'

/** Which cores the server's threads run on: all on one, or the main thread alone on it. */
export type Placement = 'one-core' | 'main-alone'

/** CPU time in µs: of the whole process, and of its main thread. */
export interface CpuTime {
  readonly all: number
  readonly main: number
}

/** A server in a process of its own, on core 0; whoever drives it runs on core 1. */
export class MeasuredProcess {
  readonly variant: Variant
  readonly port: number
  readonly #child: ChildProcess

  private constructor(variant: Variant, port: number, child: ChildProcess) {
    this.variant = variant
    this.port = port
    this.#child = child
  }

  static async start(
    framework: Framework,
    variant: Variant,
    placement: Placement,
    env: Readonly<Record<string, string>> = {},
  ): Promise<MeasuredProcess> {
    const child = fork(fileURLToPath(new URL('./app-server.ts', import.meta.url)), [variant, framework], {
      execArgv: ['--conditions=source', '--disable-warning=ExperimentalWarning'],
      env: { ...process.env, NODE_ENV: 'production', ...env },
    })
    const { port } = await answerOf<{ port: number }>(child)
    pin(child.pid as number, placement)
    return new MeasuredProcess(variant, port, child)
  }

  cpu(): Promise<CpuTime> {
    return this.#ask('cpu')
  }

  backlog(): Promise<{ rows: number; ageMs: number }> {
    return this.#ask('backlog')
  }

  async bytes(): Promise<number> {
    return (await this.#ask<{ bytes: number }>('bytes')).bytes
  }

  /** Statements on Postgres since the start. */
  async statements(): Promise<number> {
    return (await this.#ask<{ statements: number }>('statements')).statements
  }

  async stop(): Promise<void> {
    const exited = new Promise((resolve) => this.#child.once('exit', resolve))
    this.#child.send('stop')
    await exited
  }

  #ask<T>(question: string): Promise<T> {
    const answer = answerOf<T>(this.#child)
    this.#child.send(question)
    return answer
  }
}

/** Pins the calling process to core 1, so that it takes nothing from the server's core. */
export function pinSelf(): boolean {
  return taskset(['-a', '-p', '-c', '1', String(process.pid)])
}

function pin(pid: number, placement: Placement): void {
  taskset(['-a', '-p', '-c', placement === 'one-core' ? '0' : '1', String(pid)])
  if (placement === 'main-alone') taskset(['-p', '-c', '0', String(pid)])
}

function taskset(parameters: readonly string[]): boolean {
  try {
    execFileSync('taskset', parameters, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

function answerOf<T>(child: ChildProcess): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = (code: number | null): void => reject(new Error(`the server ended with ${code}`))
    child.once('exit', ended)
    child.once('message', (message) => {
      child.off('exit', ended)
      resolve(message as T)
    })
  })
}
