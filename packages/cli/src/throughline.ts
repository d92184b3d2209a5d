#!/usr/bin/env node
import { runCommandLine } from './command-line.ts'
import { processTerminal } from './process-terminal.ts'

const terminal = processTerminal()
const exitCode = await runCommandLine(process.argv.slice(2), terminal)
process.exitCode = terminal.exitCodeOf(exitCode)
// What was written last may fail only now.
process.once('beforeExit', () => {
  process.exitCode = terminal.exitCodeOf(exitCode)
})
