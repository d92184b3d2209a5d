/** A value, or a promise of it: what is in memory answers at once and costs no turn of the event loop. */
export type MaybePromise<T> = T | Promise<T>

/** Also true for the promises of others: a query builder is one. */
export function isPromise<T>(value: MaybePromise<T>): value is Promise<T> {
  return typeof value === 'object' && value !== null && typeof (value as Partial<Promise<T>>).then === 'function'
}

/** Goes on with a value, at once when it is there. */
export function next<T, R>(value: MaybePromise<T>, then: (value: T) => MaybePromise<R>): MaybePromise<R> {
  return isPromise(value) ? Promise.resolve(value).then(then) : then(value)
}
