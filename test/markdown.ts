import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'

/** The repository's folder; programs of the documentation run in it. */
export const ROOT: string = fileURLToPath(new URL('..', import.meta.url))

export interface CodeBlock {
  readonly language: string
  readonly code: string
  /** Of its first line of code, from 1. */
  readonly line: number
}

/** The fenced code blocks of a page, in order. */
export function codeBlocks(markdown: string): readonly CodeBlock[] {
  return Array.from(markdown.matchAll(/^```(\w*)\n(.*?)^```$/gms), ({ 1: language = '', 2: code = '', index }) => ({
    language,
    code,
    line: markdown.slice(0, index).split('\n').length + 1,
  }))
}

/** Targets of a page's links to files of this repository, without fragments. */
export function fileLinks(markdown: string): readonly string[] {
  const prose = markdown.replace(/^```.*?^```$/gms, '').replace(/`[^`\n]*`/g, '')
  return Array.from(prose.matchAll(/\]\(([^)\s#]+)[^)]*\)/g), ([, target = '']) => target).filter(
    (target) => !/^[a-z]+:/.test(target),
  )
}

export function readPage(path: string): Promise<string> {
  return readFile(new URL(path, new URL('..', import.meta.url)), 'utf8')
}

/** Starts a TypeScript program as if it stood in the repository's folder. */
export function startProgram(code: string): ReturnType<typeof spawn> {
  return spawn(process.execPath, ['--conditions=source', '--input-type=module-typescript', '--eval', code], {
    cwd: ROOT,
    env: { ...process.env, NODE_ENV: 'development', NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

/** Runs a program to its end, 20 s at the most. */
export async function runProgram(code: string): Promise<{ code: number | null; out: string; errors: string }> {
  const child = startProgram(code)
  const { stdout, stderr } = child
  if (!stdout || !stderr) throw new Error('The program has no output.')
  const timer = setTimeout(() => child.kill('SIGKILL'), 20_000)
  try {
    const [out, errors, [exit]] = await Promise.all([text(stdout), text(stderr), once(child, 'exit')])
    return { code: exit, out, errors }
  } finally {
    clearTimeout(timer)
  }
}
