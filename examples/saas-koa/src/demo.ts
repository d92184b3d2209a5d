import { runDemo } from '../../saas-express/src/demo/run-demo.ts'
import { startApp } from './start-app.ts'

await runDemo(startApp)
