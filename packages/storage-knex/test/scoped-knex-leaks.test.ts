import { afterAll, describe, expect, test } from 'vitest'
import { ENGINES } from './scoped-knex-engines.ts'
import { Databases, rowsOf, TENANTS, type TenantId } from './scoped-knex-fixture.ts'
import type { Form } from './scoped-knex-form.ts'
import { POSTGRES_READS, POSTGRES_WRITES } from './scoped-knex-postgres-forms.ts'
import { READS } from './scoped-knex-reads.ts'
import { WRITES } from './scoped-knex-writes.ts'

function other(tenant: TenantId): TenantId {
  return tenant === 'acme' ? 'globex' : 'acme'
}

/** A result without the order that no statement asked for, and without what only describes it. */
function comparable(result: unknown): unknown {
  if (Array.isArray(result)) return result.map(comparable).sort(byText)
  if (typeof result !== 'object' || result === null || !('rowCount' in result)) return result
  return { command: Reflect.get(result, 'command'), rowCount: result.rowCount }
}

function byText(a: unknown, b: unknown): number {
  const [left, right] = [JSON.stringify(a) ?? '', JSON.stringify(b) ?? '']
  return left < right ? -1 : Number(left > right)
}

describe.each(ENGINES)('on $name', (engine) => {
  const databases = new Databases(engine)
  afterAll(() => databases.destroy())

  const formsFor = (forms: readonly Form[]) =>
    forms.filter(([, , only]) => only === undefined || only === engine.name).map((form) => ({ name: form[0], form }))
  const reads = formsFor([...READS, ...POSTGRES_READS])
  const writes = formsFor([...WRITES, ...POSTGRES_WRITES])
  // SQLite finds rows by the key, so that there an order is a result too.
  const seen = engine.name === 'sqlite' ? (result: unknown) => result : comparable

  /** Runs a form as a tenant beside another's rows, and by plain knex on a database that holds this tenant's rows alone. */
  async function compare([, run]: Form, tenant: TenantId): Promise<void> {
    const { plain, db, as } = await databases.world()
    const alone = await databases.of([tenant])
    const theirs = await rowsOf(plain, other(tenant))
    const result = seen(await as(tenant, () => run(db)))
    expect(result).toEqual(seen(await run(alone)))
    expect(JSON.stringify(result) ?? '').not.toContain(other(tenant).toUpperCase())
    expect(await rowsOf(plain, tenant)).toEqual(await rowsOf(alone))
    expect(await rowsOf(plain, other(tenant))).toEqual(theirs)
  }

  for (const tenant of TENANTS) {
    test.each(reads)(`${tenant} reads its own rows only: $name`, ({ form }) => compare(form, tenant))
    test.each(writes)(`${tenant} writes its own rows only: $name`, ({ form }) => compare(form, tenant))
  }

  test('the oracle sees a leak: plain knex on both tenants does not pass for most forms', async () => {
    let differs = 0
    const theirs = JSON.stringify(await rowsOf(await databases.of(['globex'])))
    for (const { form } of [...reads, ...writes]) {
      const [, run] = form
      const both = await databases.of(TENANTS)
      const alone = await databases.of(['acme'])
      const outcome = comparable(await Promise.resolve(run(both)).catch(() => 'failed'))
      const expected = comparable(await run(alone))
      const same =
        JSON.stringify([outcome, await rowsOf(both, 'acme')]) === JSON.stringify([expected, await rowsOf(alone)])
      if (!same || JSON.stringify(await rowsOf(both, 'globex')) !== theirs) differs++
    }
    expect(differs).toBeGreaterThan(0.85 * (reads.length + writes.length))
  })
})
