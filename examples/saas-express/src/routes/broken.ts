import { Router } from 'express'

/** A route with a bug in it: the caller gets a 500, the timeline an `error`. */
export function brokenRoutes(): Router {
  const router = Router()
  router.get('/', async () => {
    throw new TypeError('This route is broken on purpose.')
  })
  return router
}
