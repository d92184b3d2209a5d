import { lstatSync, readlinkSync, realpathSync } from 'node:fs'
import { dirname, resolve } from 'node:path'

/** As many as a file system follows. */
const MAX_LINKS = 40

/** The file that a name stands for, whether or not it is there yet: a link may be made anew by the next deploy. */
export function linkedFile(path: string, links = 0): string {
  const isLink = lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true
  if (!isLink || links === MAX_LINKS) return path
  return linkedFile(resolve(realpathSync(dirname(path)), readlinkSync(path)), links + 1)
}
