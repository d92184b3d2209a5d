import { join } from 'node:path'
import { OpenFeature } from '@openfeature/server-sdk'
import { afterAll, describe, expect, it } from 'vitest'
import { readFeatures } from './gherkin/read-features.ts'
import { specThroughline } from './gherkin/spec-throughline.ts'
import { contextSteps } from './gherkin/steps/context-steps.ts'
import { evaluationSentences } from './gherkin/steps/evaluation-sentences.ts'
import { evaluationSteps } from './gherkin/steps/evaluation-steps.ts'
import { hookSteps } from './gherkin/steps/hook-steps.ts'
import { providerSteps } from './gherkin/steps/provider-steps.ts'
import { runScenario } from './gherkin/steps/step.ts'
import { trackingSteps } from './gherkin/steps/tracking-steps.ts'
import { World } from './gherkin/world.ts'

const steps = [
  ...providerSteps,
  ...evaluationSteps,
  ...evaluationSentences,
  ...hookSteps,
  ...contextSteps,
  ...trackingSteps,
]

/** Scenarios that no provider of this SDK, or none that answers from memory, can meet. */
const INAPPLICABLE: Readonly<Record<string, string>> = {
  'CACHED reason': 'what is evaluated in the process is never served from a cache',
  'Invalid event names': "the JS SDK's track() accepts every name and never fails",
}

const throughline = specThroughline()

afterAll(async () => {
  await OpenFeature.close()
  await throughline.close()
})

const ours = readFeatures(join(import.meta.dirname, 'gherkin'))
/** The specification's own files, `specification/assets/gherkin` of open-feature/spec, where they are at hand. */
const published = readFeatures(process.env.OPENFEATURE_GHERKIN ?? join(import.meta.dirname, 'gherkin/published'))

describe.each([...ours, ...published])('$name', ({ scenarios }) => {
  it.for(scenarios)('$name', async (scenario, { skip }) => {
    skip(scenario.name in INAPPLICABLE, INAPPLICABLE[scenario.name])
    const world = new World(throughline)
    try {
      await runScenario(scenario, steps, world)
    } finally {
      await world.end()
    }
  })
})

describe('the scenarios', () => {
  it('are read', () => {
    expect(ours.flatMap((feature) => feature.scenarios).length).toBeGreaterThan(40)
  })
})
