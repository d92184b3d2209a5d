import type { Catalog } from '../../catalog/definitions.ts'
import type { PlatformPort } from '../../platform-port.ts'
import { FlagChanger } from '../changes/flag-changer.ts'
import type { FlagComparerOptions } from '../changes/flag-comparer.ts'
import { FlagComparer } from '../changes/flag-comparer.ts'
import type { KnownFlagsOptions } from '../changes/known-flags.ts'
import { KnownFlags } from '../changes/known-flags.ts'
import { changeFace } from './change-face.ts'
import { overrideFace } from './override-face.ts'
import type { PlatformFlags } from './platform-flags.ts'
import { stateFace } from './state-face.ts'
import type { SurveySources } from './survey-face.ts'
import { surveyFace } from './survey-face.ts'

/** What the operator's side of flags needs of its instance. */
export interface PlatformFlagsOptions extends KnownFlagsOptions, FlagComparerOptions, SurveySources {
  readonly port: PlatformPort
}

/** Makes the operator's side of flags. */
export function createPlatformFlags<C extends Catalog>(options: PlatformFlagsOptions): PlatformFlags<C> {
  const { port } = options
  const flags = new KnownFlags(options)
  const comparer = new FlagComparer(options, flags)
  return {
    ...changeFace<C>(flags, new FlagChanger(port, flags, comparer)),
    ...stateFace<C>(flags, port),
    ...surveyFace<C>(flags, comparer, options),
    ...overrideFace<C>(flags, port),
  }
}
