import Table from 'cli-table3'

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g

/** A table without colours, ready to be read, piped and copied. */
export function plainTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const table = new Table({
    head: [...head],
    style: { head: [], border: [], compact: true },
    // A path or a name was chosen by whoever sent the request: it may not steer the operator's terminal.
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
  })
  for (const row of rows) table.push(row.map(printable))
  return `${table.toString()}\n`
}

/** Text without what could move the cursor or turn the writing around. */
export function printable(text: string): string {
  return text.replace(CONTROL, '\ufffd')
}

/** One line of JSON, with the control characters escaped that JSON itself lets through. */
export function jsonLine(value: unknown): string {
  const json = JSON.stringify(value).replace(
    CONTROL,
    (found) => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return `${json}\n`
}
