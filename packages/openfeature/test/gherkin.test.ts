import { delimiter, join } from 'node:path'
import { OpenFeature } from '@openfeature/server-sdk'
import { afterAll, describe, expect, it } from 'vitest'
import { readFeatures } from './gherkin/read-features.ts'
import { specThroughline } from './gherkin/spec-throughline.ts'
import { contextSteps } from './gherkin/steps/context-steps.ts'
import { evaluationSentences } from './gherkin/steps/evaluation-sentences.ts'
import { evaluationSteps } from './gherkin/steps/evaluation-steps.ts'
import { eventSteps } from './gherkin/steps/event-steps.ts'
import { hookSteps } from './gherkin/steps/hook-steps.ts'
import { providerSteps } from './gherkin/steps/provider-steps.ts'
import { runScenario } from './gherkin/steps/step.ts'
import { trackingSteps } from './gherkin/steps/tracking-steps.ts'
import { World } from './gherkin/world.ts'

const steps = [
  ...providerSteps,
  ...eventSteps,
  ...evaluationSteps,
  ...evaluationSentences,
  ...hookSteps,
  ...contextSteps,
  ...trackingSteps,
]

/** Published scenarios of what is optional, or of what no provider of this SDK can do. */
const INAPPLICABLE: Readonly<Record<string, string>> = {
  'CACHED reason': 'what is evaluated in the process is never served from a cache',
  'Invalid event names': "the JS SDK's track() accepts every name and never fails",
  'A float flag is not silently narrowed to an integer': 'the JS SDK asks for numbers, whole or not',
  'A disabled flag resolves to the code default':
    "a flag of ours that is switched off serves its own default, not the caller's",
}

const throughline = specThroughline()

afterAll(async () => {
  await OpenFeature.close()
  await throughline.close()
})

const ours = readFeatures(join(import.meta.dirname, 'gherkin'))
/** Folders of the specification's own files, `specification/assets/gherkin` of open-feature/spec, where they are at hand. */
const named = process.env.OPENFEATURE_GHERKIN
const folders = (named ?? join(import.meta.dirname, 'gherkin/published')).split(delimiter)
const published = folders.flatMap((folder) => readFeatures(folder))

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

  it.runIf(named !== undefined)('of every folder that is named are read', () => {
    expect(folders.filter((folder) => readFeatures(folder).length === 0)).toEqual([])
  })

  it.runIf(named !== undefined).each([
    ['evaluation', /^evaluation(_v2)?\.feature$/],
    ['hooks', /^hooks\.feature$/],
    ['metadata', /^metadata\.feature$/],
    ['context merging', /^(contextMerging|evaluation_context)\.feature$/],
  ])('of the specification are read: %s', (_, file) => {
    const found = published.filter(({ name }) => file.test(name)).flatMap((feature) => feature.scenarios)
    expect(found.length).toBeGreaterThan(0)
  })
})
