// Run in a folder where the packed packages are installed, on the Node to be tried. Plain JavaScript: Node 20 reads no types.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createThroughline, perMinute } from '@throughline/core'
import { guard, problemDetails, requestAudit, tenantContext } from '@throughline/express'
import { knexStorage, scopedKnex } from '@throughline/storage-knex'

for (const named of [guard, problemDetails, requestAudit, tenantContext, scopedKnex]) {
  assert.equal(typeof named, 'function')
}

// What a package exports by name has to be one module, whether it is imported or required.
const require = createRequire(import.meta.url)
const scope = join(import.meta.dirname, 'node_modules/@throughline')
for (const folder of readdirSync(scope)) {
  const { name, exports } = JSON.parse(readFileSync(join(scope, folder, 'package.json'), 'utf8'))
  for (const path of Object.keys(exports).filter((path) => !path.endsWith('.json'))) {
    const specifier = join(name, path)
    const imported = await import(specifier)
    assert.notEqual(Object.keys(imported).length, 0, `${specifier} exports nothing`)
    for (const [key, value] of Object.entries(require(specifier))) {
      assert.equal(value, imported[key], `require() and import give one ${key} of ${specifier}`)
    }
    console.log(`ok   import and require of ${specifier}`)
  }
}

const storages = { memory: {}, sqlite: { storage: knexStorage({ filename: join(import.meta.dirname, 'tried.db') }) } }
for (const [name, options] of Object.entries(storages)) {
  const tenants = { load: (id) => ({ id, name: id, plan: 'free' }) }
  const throughline = createThroughline({ ...options, tenants, limits: { api: perMinute(100) } })
  const acme = { tenant: 'acme', actor: { type: 'service', id: 'consumer' } }
  await throughline.run(acme, () => throughline.limits.consume('api'))
  const actions = await throughline.run(acme, async () => {
    const seen = []
    for await (const event of throughline.audit.timeline({ last: '1d' })) seen.push(event.action)
    return seen
  })
  await throughline.close()
  assert.ok(actions.includes('limit.passed'), `${name}: the timeline has ${actions.join(', ')}`)
  console.log(`ok   ${name} on Node ${process.versions.node}`)
}

// Not by npx, which would look for the command elsewhere if it were missing here.
const command = join(import.meta.dirname, 'node_modules/.bin/throughline')
assert.match(execFileSync(command, ['--help'], { encoding: 'utf8' }), /migrate/)
console.log('ok   throughline --help')
