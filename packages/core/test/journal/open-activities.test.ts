import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Activity } from '../../src/journal/index.ts'
import { OpenActivities } from '../../src/journal/open-activities.ts'

function openedAt(time: number): Activity {
  return new Activity({ now: () => time, closed: () => {}, add: () => Promise.resolve() })
}

describe('the open contexts', () => {
  it('are those that were opened and not closed, in whatever order', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(5)), { maxLength: 60, size: 'max' }), (steps) => {
        const all = Array.from({ length: 6 }, (_, i) => openedAt(i))
        const open = new OpenActivities()
        const expected = new Set<Activity>()
        for (const [opens, i] of steps) {
          const activity = all[i] as Activity
          if (!opens) open.delete(activity)
          else if (!expected.has(activity)) open.add(activity)
          if (opens) expected.add(activity)
          else expected.delete(activity)
        }
        expect(new Set(open.before(5))).toEqual(expected)
        expect(open.before(5)).toHaveLength(expected.size)
      }),
    )
  })

  it('are found by when they were opened', () => {
    const open = new OpenActivities()
    const [early, late] = [openedAt(1), openedAt(2)]
    for (const activity of [late, early]) open.add(activity)
    expect(open.before(1)).toEqual([early])
    expect(open.before(0)).toEqual([])
  })
})
