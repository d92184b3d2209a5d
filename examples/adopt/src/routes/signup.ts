import { Router } from 'express'
import type { AppParts } from '../app.ts'
import { hashPassword } from '../login/passwords.ts'

/** Sign-up: a new organization, and its first admin. */
export function signupRoutes({ database }: AppParts): Router {
  const router = Router()

  router.post('/', async (req, res) => {
    const { organization, email, password } = req.body
    if (![organization, email, password].every((it) => typeof it === 'string' && it !== '')) {
      return void res.status(400).json({ error: 'Give organization, email and password.' })
    }
    if (await database('organizations').where({ slug: organization }).first('id')) {
      return void res.status(409).json({ error: 'There is an organization of this name.' })
    }
    const hash = await hashPassword(password)
    const id = await database.transaction(async (trx) => {
      const [org] = await trx('organizations').insert({ slug: organization }).returning('id')
      const [user] = await trx('users').insert({ email, password: hash }).returning('id')
      await trx('memberships').insert({ org_id: org.id, user_id: user.id, role: 'admin' })
      return org.id
    })
    res.status(201).json({ organization: id })
  })
  return router
}
