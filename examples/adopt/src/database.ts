import knex, { type Knex } from 'knex'

/** Opens the application's database; tables are looked for, and made, in `schema`. */
export function openDatabase(connection: string, schema = 'public'): Knex {
  return knex({ client: 'pg', connection, searchPath: [schema], pool: { min: 0, max: 10 } })
}

/** Makes the tables if they are missing. */
export async function makeTables({ schema }: Knex): Promise<void> {
  if (await schema.hasTable('organizations')) return
  await schema
    .createTable('organizations', (table) => {
      table.increments('id')
      table.string('slug').notNullable().unique()
      table.string('plan').notNullable().defaultTo('free')
    })
    .createTable('users', (table) => {
      table.increments('id')
      table.string('email').notNullable().unique()
      table.string('password').notNullable()
    })
    .createTable('memberships', (table) => {
      table.integer('org_id').notNullable().references('organizations.id')
      table.integer('user_id').notNullable().references('users.id')
      table.string('role').notNullable().defaultTo('member')
      table.primary(['org_id', 'user_id'])
    })
    .createTable('projects', (table) => {
      table.increments('id')
      table.integer('org_id').notNullable().references('organizations.id')
      table.string('name').notNullable()
    })
    .createTable('reports', (table) => {
      table.increments('id')
      table.integer('org_id').notNullable().references('organizations.id')
      table.integer('project_id').notNullable()
      table.string('title').notNullable()
    })
}
