import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { jsonLine, printable } from '../src/plain-table.ts'
import { readSpan, spanText } from '../src/time-span.ts'
import { commandLine, throughline } from './command.ts'

const COMMANDS = ['migrate', 'status', 'timeline', 'worker', 'export', 'uninstall']

describe('throughline', () => {
  it('has help with examples, of the whole and of each command', async () => {
    const [whole, ...each] = await Promise.all([
      throughline('--help'),
      ...COMMANDS.map((name) => commandLine(name, '--help')),
    ])
    for (const name of COMMANDS) expect(whole?.stdout).toContain(`$ throughline ${name}`)
    for (const { code, stdout, stderr } of each) {
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(stdout).toMatch(/Examples:\n {2}\$ throughline /)
      expect(stdout).toContain('--file <path>')
    }
  })

  it('says its version', async () => {
    const manifest = JSON.parse(await readFile(join(import.meta.dirname, '../package.json'), 'utf8'))
    expect(await commandLine('--version')).toEqual({ code: 0, stdout: `${manifest.version}\n`, stderr: '' })
  })

  it.each([
    ['an option with a typo', ['timeline', '--tennant', 'acme', '--file', 'x.db', '--tenant', 'acme'], '--tenant?'],
    ['a command with a typo', ['timelin'], 'timeline?'],
    ['no tenant', ['timeline', '--file', 'x.db'], '--tenant'],
    ['no records', ['status'], '--file <path> or --url'],
    ['two names of records', ['status', '--file', 'a', '--url', 'sqlite:a'], 'not both'],
    ['another kind of database', ['status', '--url', 'mysql://localhost/app'], 'sqlite:<path>'],
    ['a URL that is none', ['status', '--url', 'app.db'], '--file'],
    ['records in memory', ['migrate', '--file', ':memory:'], 'name a file'],
  ])('answers %s by one line that helps, and exit code 2', async (_, args, said) => {
    const { code, stdout, stderr } = await commandLine(...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(/^throughline: [^\n]+\n$/)
    expect(stderr).toContain(said)
  })

  it('says so as a process too, without a stack', async () => {
    const { code, stdout, stderr } = await throughline('timeline', '--tennant', 'acme')
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toBe("throughline: unknown option '--tennant' (Did you mean --tenant?) See `throughline --help`.\n")
  })

  it('shows its help, and fails, when it is asked for nothing', async () => {
    const { code, stdout } = await commandLine()
    expect(code).toBe(2)
    expect(stdout).toContain('Usage:')
  })
})

describe('what is printed', () => {
  it('holds no control character, whatever was recorded', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
        const control = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/
        expect(printable(text)).not.toMatch(control)
        const line = jsonLine({ text })
        expect(line).not.toMatch(control)
        expect(line.indexOf('\n')).toBe(line.length - 1)
        expect(JSON.parse(line)).toEqual({ text })
      }),
    )
  })

  it('reads back the spans that it writes in whole units', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99_999 }), fc.constantFrom('s', 'm', 'h', 'd', 'w'), (amount, unit) => {
        const ms = readSpan('--last', `${amount}${unit}`)
        expect(ms % amount).toBe(0)
        const [shown, name = ''] = spanText(ms).split(' ')
        const whole = { s: 1_000, min: 60_000, h: 3_600_000, d: 86_400_000 }[name] ?? 1
        expect(Number(shown)).toBe(Math.floor(ms / whole))
      }),
    )
    for (const bad of ['', '30', 'd', '-1d', '1.5h', '30 d', '1y', '100000d']) {
      expect(() => readSpan('--last', bad)).toThrow('like 30d')
    }
  })
})
