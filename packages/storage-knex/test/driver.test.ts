import { expect, it } from 'vitest'
import { loadDriver, runsHere } from '../src/sqlite/driver.ts'

it.each([
  ['12.11.1', '9', true],
  ['12.11.1', '10', true],
  ['13.2.0', '9', false],
  ['13.2.0', '10', true],
  ['14.0.0', '9', false],
])('better-sqlite3 %s on Node-API %s: %s', (version, nodeApi, runs) => {
  expect(runsHere(version, nodeApi)).toBe(runs)
})

it('loads the driver that is installed', async () => {
  expect(typeof (await loadDriver())).toBe('function')
})
