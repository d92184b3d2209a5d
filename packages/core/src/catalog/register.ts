import type { Catalog } from './definitions.ts'

/**
 * Augmented by an app once, so that free functions and guards know its keys:
 *
 * @example
 * declare module '@throughline/core' {
 *   interface Register { catalog: typeof catalog }
 * }
 */
// biome-ignore lint/suspicious/noEmptyInterface: it is there to be augmented
export interface Register {}

/** The catalog the app registered, or any catalog when it registered none. */
export type RegisteredCatalog = Register extends { catalog: infer C extends Catalog } ? C : Catalog
