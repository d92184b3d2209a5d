import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { expect, it } from 'vitest'

/** What the demonstration shows, on whichever framework. */
export function describeDemo(demo: string): void {
  it('shows one tenant its timeline, counted alike by SQL and by the API', { timeout: 90_000 }, async () => {
    const child = spawn(process.execPath, ['--conditions=source', demo], { stdio: ['ignore', 'pipe', 'pipe'] })
    const [out, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])

    expect(errors).toBe('')
    expect(code).toBe(0)
    for (const phase of ['log in', 'browse', 'limit', 'foreign tenants', 'a bug']) {
      expect(out).toMatch(new RegExp(`${phase}.* requests .*2xx \\d+`))
    }
    expect(out).toMatch(/429 \d{2}/)
    expect(out).toContain('FROM throughline_timeline')

    const timeline = out.slice(out.indexOf('newest first:'), out.indexOf('by action'))
    expect(timeline.match(/^│ \d\d:\d\d:\d\d\.\d{3} │/gm)).toHaveLength(40)
    expect(timeline).toMatch(/auth\.refused +│ refused │ eve .*NOT_MEMBER/)
    expect(timeline).toMatch(/limit\.overridden +│ success │ sam .*TICKET-7/)
    expect(timeline).not.toMatch(/globex|initech|umbrella/)

    const counts = countsIn(out)
    expect(counts.get('error failure')).toBe(3)
    expect(counts.get('config.changed success')).toBe(2)
    expect(counts.get('session.started success')).toBe(3)
    expect(counts.get('invoice.paid success')).toBe(1)
    expect(counts.get('request.handled success')).toBeGreaterThan(100)

    const total = /(\d+) rows, (\d+) events\. API: (\d+) rows, (\d+) events/.exec(out)
    expect(total?.[1]).toBe(total?.[3])
    expect(total?.[2]).toBe(total?.[4])
    expect(Number(total?.[2])).toBe([...counts.values()].reduce((sum, count) => sum + count, 0))
  })
}

/** `action outcome` → events, as the second table says. */
function countsIn(out: string): Map<string, number> {
  const rows = out.slice(out.indexOf('by action')).matchAll(/^│ ([\w.]+) +│ (\w+) +│ +\d+ │ +(\d+) │$/gm)
  return new Map(Array.from(rows, ([, action, outcome, events]) => [`${action} ${outcome}`, Number(events)]))
}
