import * as core from '@throughline/core'
import * as adapter from '@throughline/express'
import { knexStorage } from '@throughline/storage-knex'
import express from 'express'
import knex from 'knex'
import { tryApp } from './try-app.mjs'

const app = knex({ client: 'better-sqlite3', connection: { filename: 'app.db' }, useNullAsDefault: true })
const answers = await tryApp({ core, adapter, express }, knexStorage({ app }))
await app.destroy()
console.log(JSON.stringify({ ...answers, from: import.meta.resolve('@throughline/storage-knex') }))
