import { expect } from 'vitest'
import type { Step } from './step.ts'
import { step } from './step.ts'

export const trackingSteps: readonly Step[] = [
  step(/^an event was tracked with tracking event name "(.*)"$/, (world, [name = '']) =>
    world.inTenant(() => world.client.track(name)),
  ),
  step(/^nothing should have been tracked$/, (world) => {
    expect(world.tracked).toEqual([])
  }),
  step(/^the tracking provider should have been called with event name "(.*)"$/, (world, [name]) => {
    expect(world.tracked).toEqual([name])
  }),
]
