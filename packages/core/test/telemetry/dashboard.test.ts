import { readFile } from 'node:fs/promises'
import { describe, expect, it } from 'vitest'
import { METRICS } from '../../src/telemetry/index.ts'

const docs = new URL('../../../../docs/', import.meta.url)
const read = (path: string): Promise<string> => readFile(new URL(path, docs), 'utf8')
const names: readonly string[] = Object.values(METRICS).map(({ name }) => name)
const underscored = names.map((name) => name.replaceAll('.', '_'))

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets: readonly { readonly expr: string }[] }[]
}

/** The metrics a query asks for, without what Prometheus adds: `_total`, and a unit that may be there. */
function asked(expr: string): string[] {
  return Array.from(expr.matchAll(/throughline_[a-z_]+/g), ([name]) => name.replace(/_total$/, ''))
}

describe('the dashboard', () => {
  it('asks for metrics that exist, and for all of them', async () => {
    const { panels } = JSON.parse(await read('grafana/throughline.json')) as Dashboard
    const found = panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => asked(expr)))
    expect([...new Set(found)].sort()).toEqual([...underscored].sort())
  })

  it('matches names with the unit that Prometheus adds, and without', async () => {
    const { panels } = JSON.parse(await read('grafana/throughline.json')) as Dashboard
    const patterns = panels.flatMap(({ targets }) =>
      targets.flatMap(({ expr }) => Array.from(expr.matchAll(/__name__=~"([^"]+)"/g), ([, it = '']) => it)),
    )
    for (const { name, unit } of Object.values(METRICS)) {
      if (unit !== 'ms') continue
      const base = name.replaceAll('.', '_')
      const matching = patterns.filter((pattern) => new RegExp(`^(?:${pattern})$`).test(base))
      expect(matching, name).toHaveLength(1)
      expect(`${base}_milliseconds`, name).toMatch(new RegExp(`^(?:${matching[0]})$`))
    }
  })
})

describe('the page on telemetry', () => {
  it('names each metric, and none that does not exist', async () => {
    const page = await read('13-telemetry.md')
    const spans = [
      'throughline.context',
      'throughline.guards',
      'throughline.settle',
      'throughline.outcome',
      'throughline.code',
    ]
    const named = new Set(Array.from(page.matchAll(/`(throughline\.[a-z.]+)`/g), ([, name]) => name))
    expect([...named].filter((name) => !spans.includes(name as string)).sort()).toEqual([...names].sort())
  })
})
