import { currentScope } from '../context/ambient.ts'
import { decideHolds, giveBack } from '../context/holds.ts'
import { checkGuards } from './check-guards.ts'
import type { Guard, GuardHold } from './guard.ts'
import { guardList } from './guard-list.ts'

type AsyncFunction<This, Args extends unknown[], R> = (this: This, ...args: Args) => Promise<R>

/** Stands where a guarded method is not asynchronous: the compiler shows this sentence. */
type MustReturnPromise<M> = M extends (...args: never[]) => Promise<unknown>
  ? unknown
  : 'guarded() stands on methods that return a promise: make this method async.'

/** Both decorator dialects: TC39's (method, context) and TypeScript's legacy (target, key, descriptor). */
export interface GuardedDecorator {
  <M extends (...args: never[]) => unknown>(method: M & MustReturnPromise<M>, context: ClassMethodDecoratorContext): M
  <M extends (...args: never[]) => unknown>(
    target: object,
    key: string | symbol,
    descriptor: TypedPropertyDescriptor<M> & { value?: M & MustReturnPromise<M> },
  ): TypedPropertyDescriptor<M> | undefined
}

/** Wraps a function: its guards run in the caller's context, before each call. */
export function guarded<This, Args extends unknown[], R>(
  fn: (this: This, ...args: Args) => Promise<R> | R,
  ...guards: readonly [Guard, ...Guard[]]
): AsyncFunction<This, Args, R>
/** Decorates a method that returns a promise: its guards run before each call. */
export function guarded(...guards: readonly [Guard, ...Guard[]]): GuardedDecorator
export function guarded(
  first: Guard | ((...args: unknown[]) => unknown),
  ...rest: readonly Guard[]
): GuardedDecorator | ((...args: unknown[]) => unknown) {
  if (typeof first === 'function') return wrap(first, guardList('guarded', rest))
  const guards = guardList('guarded', [first, ...rest])
  const decorate = (...parts: readonly unknown[]): unknown => {
    const [target, , descriptor] = parts as [unknown, unknown, PropertyDescriptor | undefined]
    if (typeof target === 'function' && descriptor === undefined) {
      return wrap(target as (...args: unknown[]) => unknown, guards)
    }
    return { ...descriptor, value: wrap(descriptor?.value as (...args: unknown[]) => unknown, guards) }
  }
  return decorate as GuardedDecorator
}

function wrap(
  fn: (...args: unknown[]) => unknown,
  guards: readonly Guard[],
): (this: unknown, ...args: unknown[]) => Promise<unknown> {
  return async function guardedCall(this: unknown, ...args: unknown[]): Promise<unknown> {
    const holds: GuardHold[] = []
    let result: unknown
    try {
      await checkGuards(guards, holds)
      result = await fn.apply(this, args)
    } catch (error) {
      if (holds.length > 0) await giveBack(() => decideHolds(holds, false), currentScope().owner)
      throw error
    }
    await decideHolds(holds, true)
    return result
  }
}
