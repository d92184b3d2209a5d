import { expect, it } from 'vitest'
import { codeBlocks, readPage, runProgram } from '../../../test/markdown.ts'

it('the README shows a program that runs and prints what it says', async () => {
  const blocks = codeBlocks(await readPage('packages/openfeature/README.md'))
  const program = blocks.find(({ language }) => language === 'ts')
  const output = blocks.find(({ language }) => language === 'text')
  const { code, out, errors } = await runProgram(program?.code ?? '')
  expect(errors).toBe('')
  expect(code).toBe(0)
  expect(out).toBe(output?.code)
})
