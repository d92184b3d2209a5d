import { describeApp } from '../../saas-express/test/app-cases.ts'
import { createApp } from '../src/app.ts'

describeApp(createApp)
