/** No flag's key and no variant's name holds it. */
const SEPARATOR = '\u001f'

/** The key of a document of kind `definitions`: what it is of, and of which flag. */
export function definitionKey(...parts: readonly [kind: string, flag: string, which: string]): string {
  return parts.join(SEPARATOR)
}

/** What such a key is made of; less where it is none. */
export function definitionKeyParts(key: string): readonly (string | undefined)[] {
  return key.split(SEPARATOR)
}
