/** What rules may ask of an actor, as `actor.<name>`. */
export const ACTOR_ATTRIBUTES = ['id', 'type', 'name', 'roles'] as const

/** What rules may ask of a request, as `request.<name>`. */
export const REQUEST_ATTRIBUTES = ['method', 'path', 'route', 'host', 'ip', 'userAgent', 'id'] as const

export type ActorAttribute = (typeof ACTOR_ATTRIBUTES)[number]
export type RequestAttribute = (typeof REQUEST_ATTRIBUTES)[number]
