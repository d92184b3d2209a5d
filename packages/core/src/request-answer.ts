/** The answer to the request that a context serves, as far as guards may touch it. */
export interface RequestAnswer {
  /** The route's template, where it is known by now: `/reports/:id`. */
  route(): string | undefined
  /** Adds items to a header that is a list, while the head is not sent. */
  append(name: string, items: string): void
  /** Sets a header, while the head is not sent. */
  set(name: string, value: string): void
}
