import { readFile } from 'node:fs/promises'

// `node scripts/test-totals.ts <report>`: reads vitest's JSON report, prints `N passed, N failed` alone on the last line,
// and exits with 1 if a test failed, a file could not be loaded, or there was no test at all.

interface Report {
  readonly numPassedTests: number
  readonly numFailedTests: number
  readonly numPendingTests: number
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly assertionResults: readonly { readonly status: string }[]
  }[]
}

/** What vitest left; a run that broke off leaves nothing, and so has neither passed nor failed. */
async function readReport(path: string): Promise<Report> {
  const text = await readFile(path, 'utf8').catch(() => '')
  if (text.trim() !== '') return JSON.parse(text) as Report
  console.log('vitest left no report')
  return { numPassedTests: 0, numFailedTests: 0, numPendingTests: 0, testResults: [] }
}

const [path] = process.argv.slice(2)
if (path === undefined) throw new Error('Say which report to read: node scripts/test-totals.ts <report>')
const report = await readReport(path)

// vitest counts a file that could not be loaded among no tests at all; here it is one that failed.
const unloaded = report.testResults.filter(
  ({ status, assertionResults }) => status === 'failed' && !assertionResults.some((test) => test.status === 'failed'),
)
for (const { name } of unloaded) console.log(`could not be run: ${name}`)
if (report.numPendingTests > 0) console.log(`${report.numPendingTests} skipped`)

const failed = report.numFailedTests + unloaded.length
if (report.numPassedTests + failed === 0) console.log('no test was run')
console.log(`${report.numPassedTests} passed, ${failed} failed`)
process.exitCode = failed > 0 || report.numPassedTests === 0 ? 1 : 0
