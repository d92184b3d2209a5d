// Flags of every kind of draw and condition, for many tenants: what they serve is the same in every process, on every Node, for ever.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { createThroughline } from '@throughline/core'

const NOW = Date.parse('2026-06-15T12:00:00Z')
const DAY_MS = 86_400_000
const tenants = Array.from({ length: 400 }, (_, i) => ({
  id: i % 10 === 9 ? `größe-${i}` : `tenant-${i}`,
  plan: ['free', 'pro', 'enterprise'][i % 3],
  region: ['eu', 'us'][i % 2],
  version: `${i % 4}.${i % 7}.0`,
  address: { ip: i % 5 === 0 ? `2001:db8::${i}` : `10.0.${i % 4}.${i % 200}` },
  created_at: new Date(NOW - i * DAY_MS).toISOString(),
}))
const flags = {
  share: { rules: [{ rollout: { percent: 33.333 }, serve: true }], default: false },
  persons: { rules: [{ rollout: { percent: 50, by: 'actor' }, serve: true }], default: false, seed: 'shared' },
  sizes: {
    variants: { small: 1, large: 2, huge: { rows: 3 } },
    rules: [{ if: { segment: 'paying' }, serve: { small: 1, large: 3, huge: 0.5 } }],
    default: 'small',
  },
  forty: { rules: [{ if: { 'org.plan': ['pro', 'free'] }, rollout: { exactly: 40 }, serve: true }], default: false },
  sliced: { rules: [{ layer: { name: 'checkout', from: 20, to: 60 }, serve: true }], default: false },
  ringed: {
    rules: [
      {
        rings: [
          { name: 'internal', if: { 'org.id': { matches: '^tenant-\\d$' } } },
          { name: 'beta', if: { 'org.version': { semver: '>=2.1 <4' } } },
          { name: 'all', if: {} },
        ],
        upTo: 'beta',
        serve: true,
      },
    ],
    default: false,
  },
  young: {
    rules: [
      { if: { 'org.created_at': { after: { ago: '14d' } } }, until: '2026-06-16', serve: true },
      { if: { 'org.address.ip': { cidr: ['10.0.1.0/24', '2001:db8::/32'] } }, rollout: { percent: 75 }, serve: true },
    ],
    default: false,
  },
  bought: { default: false },
  needing: { prerequisites: [{ flag: 'sizes', is: 'large' }], rules: [{ serve: true }], default: false },
  off: { enabled: false, rules: [{ serve: true }], default: false },
}
const throughline = createThroughline({
  clock: { now: () => NOW },
  tenants: { load: (id) => tenants.find((tenant) => tenant.id === id), list: () => tenants },
  plans: { free: {}, pro: { features: ['bought'] }, enterprise: {} },
  segments: { eu: { 'org.region': 'eu' }, paying: { or: [{ 'org.plan': 'enterprise' }, { segment: 'eu' }] } },
  flags,
})

await throughline.ready()
const served = {}
const all = createHash('sha256')
for (const { id } of tenants) {
  await throughline.run({ tenant: id, actor: { id: `user-of-${id}` } }, () => {
    for (const key of Object.keys(flags)) {
      const { value, variant, reason, rule } = throughline.flags.evaluate(key)
      served[key] = { ...served[key], [variant]: (served[key]?.[variant] ?? 0) + 1 }
      all.update(JSON.stringify([id, key, value, variant, reason, rule]))
    }
  })
}
await throughline.close()

assert.deepEqual(served, {
  share: { off: 269, on: 131 },
  persons: { on: 212, off: 188 },
  sizes: { large: 183, small: 185, huge: 32 },
  forty: { off: 360, on: 40 },
  sliced: { on: 150, off: 250 },
  ringed: { on: 191, off: 209 },
  young: { on: 129, off: 271 },
  bought: { off: 267, on: 133 },
  needing: { on: 183, off: 217 },
  off: { off: 400 },
})
assert.equal(all.digest('hex'), '0da5036189081ad0c4ebb6106935e6a3bd7146c755b34895bb8dee252530ff1d')
console.log(`ok   flags are what they always were, on Node ${process.versions.node}`)
