import { expect, it } from 'vitest'
import { appDirectory } from '../../src/tenants/index.ts'

it('a tenant that is listed and whose row has another id is none, as it is for requests', async () => {
  const rows = new Map([
    ['acme', { id: 'acme', plan: 'pro' }],
    ['globex', { id: 'Globex', plan: 'pro' }],
    ['7', { id: 7, plan: 'pro' }],
  ])
  const list = () => ['acme', 'globex', 'gone', '7']
  const directory = appDirectory({ load: (id) => rows.get(id), list }, () => undefined)
  const listed: string[] = []
  for await (const { id } of directory.every() ?? []) listed.push(id)
  expect(listed).toEqual(['acme', '7'])
  expect(await directory.find('globex', [])).toBeUndefined()
})
