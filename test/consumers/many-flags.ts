import { compile, NODENEXT } from './compile.ts'
import type { ConsumerProject } from './consumer-project.ts'

/** The mistakes that the compiler finds in a catalog of so many flags, the last of which serves a variant it has not. */
export async function mistakesAmong(count: number, project: ConsumerProject): Promise<readonly string[]> {
  const flags = Array.from({ length: count }, (_, i) => richFlag(i, i === count - 1 ? 'typo' : `a${i}`))
  const segments = "{ beta: { 'org.beta': true } }"
  await project.write(
    'many.ts',
    `import { defineCatalog } from '@throughline/core'
export const catalog = defineCatalog({ segments: ${segments}, flags: {\n${flags.join('\n')}\n} })\n`,
  )
  const { stdout } = await compile(project, NODENEXT, '--skipLibCheck', 'many.ts')
  return stdout.split(/^(?=\S)/m).filter((line) => line !== '')
}

/** What is said of the last of so many flags: the line, and the variant that is none. */
export function theMistakeOf(count: number): RegExp {
  return new RegExp(`^many\\.ts\\(${count + 2},\\d+\\): error TS2322:[^]*"typo"`)
}

/** A line of a catalog: one flag, as varied as they come, that serves the variant at first. */
function richFlag(i: number, served: string): string {
  const rules = [
    `{ id: 'staff', if: { 'org.seats': { gte: ${i} }, or: [{ segment: 'beta' }, { 'org.region': ['eu', 'us'] }] }, serve: '${served}' }`,
    `{ if: { 'actor.email': { endsWith: '@x${i}.com' } }, rollout: { percent: 25 }, serve: { a${i}: 1, b${i}: 3 } }`,
    `{ rings: [{ name: 'staff', if: { 'org.staff': true } }, { name: 'beta', if: { segment: 'beta' } }], upTo: 'staff', serve: 'b${i}' }`,
  ]
  const prerequisites = i % 3 === 2 ? `{ flag: 'flag-${i - 1}', is: 'b${i - 1}' }` : ''
  const variants = `{ a${i}: { limit: ${i} }, b${i}: { limit: 2 } }`
  return `'flag-${i}': { variants: ${variants}, prerequisites: [${prerequisites}], rules: [${rules.join(', ')}], default: 'b${i}' },`
}
