// Run in a folder where the packed packages are installed, on the Node to be tried. Plain JavaScript: Node 20 reads no types.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { createThroughline, perMinute } from '@throughline/core'
import { guard, problemDetails, requestAudit, tenantContext } from '@throughline/express'
import { knexStorage, scopedKnex } from '@throughline/storage-knex'

for (const named of [guard, problemDetails, requestAudit, tenantContext, scopedKnex]) {
  assert.equal(typeof named, 'function')
}

const required = createRequire(import.meta.url)('@throughline/core')
assert.equal(required.createThroughline, createThroughline, 'require() and import give one module')

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
