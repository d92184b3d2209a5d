import { fileURLToPath } from 'node:url'
import { describeDemo } from './demo-cases.ts'

describeDemo(fileURLToPath(new URL('../src/demo.ts', import.meta.url)))
