import type { FlagsView } from './flags-view.ts'

type Pin = (view: FlagsView) => FlagsView

/** Absent wherever nothing is tested: then it costs one look. */
let pin: Pin | undefined

/** Of tests alone: from now on `by` says what each view is before a flag of it is decided. */
export function pinFlags(by: Pin): void {
  pin = by
}

/** The view, with the values that the running test gave to flags. */
export function pinned(view: FlagsView): FlagsView {
  return pin === undefined ? view : pin(view)
}
