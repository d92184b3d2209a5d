import { fileURLToPath } from 'node:url'
import { describeDemo } from '../../saas-express/test/demo-cases.ts'

describeDemo(fileURLToPath(new URL('../src/demo.ts', import.meta.url)))
