/** The name under which OpenFeature and the trail know our own provider. */
export const PROVIDER_NAME = 'throughline'
