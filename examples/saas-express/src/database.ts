import type { ScopedKnex } from '@throughline/storage-knex'
import { scopedKnex } from '@throughline/storage-knex'
import knex, { type Knex } from 'knex'

/** The application's own tables: as they are for its login, and always the current tenant's for its routes. */
export interface AppDatabase {
  /** Organizations, users, memberships and API keys: who may enter. */
  readonly directory: Knex
  /** Projects, reports and members: rows of the current tenant, whatever the statement. */
  readonly db: ScopedKnex
}

/**
 * Opens the application's database and makes its tables if they are missing.
 *
 * @param filename a SQLite file, or `:memory:`
 */
export async function openDatabase(filename: string): Promise<AppDatabase> {
  const directory = knex({ client: 'better-sqlite3', connection: { filename }, useNullAsDefault: true })
  await makeTables(directory)
  const db = scopedKnex(directory, {
    tables: ['projects', 'reports', 'memberships'],
    tenantColumn: 'organization_id',
    shared: ['users'],
  })
  return { directory, db }
}

async function makeTables(directory: Knex): Promise<void> {
  if (await directory.schema.hasTable('organizations')) return
  await directory.schema
    .createTable('organizations', (table) => {
      table.string('id').primary()
      table.string('name').notNullable()
      table.string('plan').notNullable()
      table.string('status').notNullable().defaultTo('active')
      table.string('region').notNullable()
      table.string('created_at').notNullable()
    })
    .createTable('users', (table) => {
      table.string('id').primary()
      table.string('name').notNullable()
      table.string('email').notNullable().unique()
      table.string('password').notNullable()
    })
    .createTable('memberships', (table) => {
      table.string('organization_id').notNullable()
      table.string('user_id').notNullable()
      table.string('role').notNullable()
      table.primary(['organization_id', 'user_id'])
    })
    .createTable('api_keys', (table) => {
      table.string('hash').primary()
      table.string('id').notNullable()
      table.string('organization_id').notNullable()
      table.string('role').notNullable()
      table.unique(['organization_id', 'id'])
    })
    .createTable('projects', (table) => {
      table.string('organization_id').notNullable()
      table.increments('id')
      table.string('name').notNullable()
      table.boolean('archived').notNullable().defaultTo(false)
      table.unique(['organization_id', 'name'])
    })
    .createTable('reports', (table) => {
      table.string('organization_id').notNullable()
      table.increments('id')
      table.integer('project_id').notNullable()
      table.string('title').notNullable()
      table.integer('rows').notNullable()
      table.index(['organization_id', 'project_id'])
    })
}
