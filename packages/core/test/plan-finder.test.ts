import { expect, it } from 'vitest'
import { planFinder } from '../src/plan-finder.ts'
import { createThroughline } from '../src/throughline.ts'

const pro = { features: ['reports'] }

it('finds plans, and warns once of one that is not there', () => {
  const warnings: string[] = []
  const planOf = planFinder({ plans: { free: {}, pro } }, (message) => warnings.push(message))
  expect(planOf({ id: 'acme', plan: 'pro' })).toBe(pro)
  expect(planOf({ id: 'acme' })).toBeUndefined()
  expect(warnings).toEqual([])
  for (const id of ['acme', 'globex']) expect(planOf({ id, plan: 'Pro' })).toBeUndefined()
  expect(planOf({ id: 'acme', plan: 'toString' })).toBeUndefined()
  expect(warnings).toEqual([
    'Tenant "acme": the catalog has no plan "Pro". Did you mean "pro"? No feature, limit or quota of a plan counts for it.',
    'Tenant "acme": the catalog has no plan "toString". No feature, limit or quota of a plan counts for it.',
  ])
})

it('stops telling where no two tenants name the same', () => {
  const warnings: string[] = []
  const planOf = planFinder({ plans: { pro } }, (message) => warnings.push(message))
  for (let i = 0; i < 500; i++) planOf({ id: 'acme', plan: `sub_${i % 250}` })
  expect(warnings).toHaveLength(100)
})

it('says nothing where there are no plans to know', () => {
  expect(planFinder({}, expect.fail)({ id: 'acme', plan: 'pro' })).toBeUndefined()
})

it('tells the logger of the app', async () => {
  const warnings: string[] = []
  const logger = { warn: (message: string) => void warnings.push(message), error: expect.fail }
  const load = (id: string) => ({ id, plan: 'gone' })
  const throughline = createThroughline({ catalog: { plans: { pro: {} } }, tenants: { load }, logger })
  await throughline.run({ tenant: 'acme', actor: { id: 'ada' } }, () => undefined)
  await throughline.close()
  expect(warnings).toEqual([expect.stringMatching(/^throughline: Tenant "acme": the catalog has no plan "gone"/)])
})
