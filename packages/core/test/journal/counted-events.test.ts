import fc from 'fast-check'
import { expect, it } from 'vitest'
import { eventTemplate } from '../../src/event.ts'
import type { CountedEvent } from '../../src/journal/counted-events.ts'
import { CountedEvents } from '../../src/journal/counted-events.ts'

const templates = Array.from({ length: 450 }, (_, i) => eventTemplate({ action: `action.${i}` }))

function listed(first: CountedEvent | undefined): [string, number][] {
  const list: [string, number][] = []
  for (let event = first; event; event = event.next) list.push([event.template.action, event.count])
  return list
}

it('counts each event once, in the order in which they were met, and gives out the first of them', () => {
  const add = fc.record({ from: fc.nat(449), events: fc.nat(300), count: fc.integer({ min: 1, max: 3 }) })
  const take = fc.record({ most: fc.integer({ min: -1, max: 250 }) })
  fc.assert(
    fc.property(fc.array(fc.oneof(add, take), { maxLength: 12 }), (steps) => {
      const counted = new CountedEvents()
      const model = new Map<string, number>()
      for (const step of steps) {
        if ('most' in step) {
          const expected = [...model].slice(0, Math.max(0, step.most))
          expect(listed(counted.take(step.most))).toEqual(expected)
          for (const [action] of expected) model.delete(action)
        } else {
          for (const template of templates.slice(step.from, step.from + step.events)) {
            counted.add(template, step.count)
            model.set(template.action, (model.get(template.action) ?? 0) + step.count)
          }
        }
        expect(listed(counted.first)).toEqual([...model])
        expect(counted.size).toBe(model.size)
      }
    }),
  )
})
