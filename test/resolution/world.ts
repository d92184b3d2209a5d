import type { IsMember, Throughline, ThroughlineOptions } from '@throughline/core'
import { createThroughline, fromSubdomain, memoryStorage } from '@throughline/core'
import type { Express } from 'express'
import type { Test } from 'supertest'
import request from 'supertest'
import { afterEach, beforeEach } from 'vitest'
import type { AppOptions, LoggedIn } from '../app.ts'
import { createApp, trailOf } from '../app.ts'

const START = 1_770_000_000_000

/** The app's own tables, its clock and its instance, anew for each test of a file that calls {@link useWorld}. */
export const world = {
  now: START,
  organizations: new Map<string, { readonly id: string; readonly status?: string }>(),
  /** Roles by `actor@tenant`. */
  memberships: new Map<string, readonly string[]>(),
  throughline: undefined as unknown as Throughline,
}

export function load(id: string): { readonly id: string; readonly status?: string } | undefined {
  return world.organizations.get(id)
}

const isMember: IsMember = (actor, tenant) => {
  const roles = world.memberships.get(`${actor.id}@${tenant}`)
  return roles ? { roles } : false
}

export function open(options: Partial<ThroughlineOptions> = {}): Throughline {
  const defaults = { clock: { now: () => world.now }, storage: memoryStorage(), tenants: { load, isMember } }
  return createThroughline({ ...defaults, ...options }) as unknown as Throughline
}

export function useWorld(): void {
  beforeEach(() => {
    world.now = START
    world.organizations.clear()
    world.memberships.clear()
    for (const id of ['acme', 'globex']) world.organizations.set(id, { id })
    world.organizations.set('initech', { id: 'initech', status: 'suspended' })
    for (const member of ['ada@acme', 'bob@globex', 'eve@initech']) world.memberships.set(member, [])
    world.throughline = open()
  })
  afterEach(() => world.throughline.close())
}

export function app(options: AppOptions = {}): Express {
  return createApp(world.throughline, options)
}

/** Sends a request as somebody of the app's own login: `ada@acme`, `ada`, or nobody. */
export function as(target: Express, who: string, headers: Record<string, string> = {}, path = '/whoami'): Test {
  return request(target).get(path).set('x-user', who).set(headers)
}

export const host = fromSubdomain('example.com')
export const user = (found: LoggedIn): string | undefined => found.user?.orgId
export const at = (tenant: string): { host: string } => ({ host: `${tenant}.example.com` })

/** A trail without the requests themselves; the operator's own unless a tenant is named. */
export async function refusals(tenant?: string): ReturnType<typeof trailOf> {
  return (await trailOf(world.throughline, tenant)).filter(({ action }) => action !== 'request.handled')
}
