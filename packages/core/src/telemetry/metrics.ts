/** Every instrument, by name: what the documentation and the dashboard may speak of. */
export const METRICS = {
  decisions: {
    name: 'throughline.decisions',
    unit: '{decision}',
    description: 'Decisions by layer, outcome (allowed, evaluated, refused, observed) and name.',
  },
  journalRows: {
    name: 'throughline.journal.rows',
    unit: '{row}',
    description: 'Rows of the journal that are not projected yet, of all processes.',
  },
  journalAge: {
    name: 'throughline.journal.age',
    unit: 'ms',
    description: 'How long the oldest row of the journal has waited.',
  },
  projectorLag: {
    name: 'throughline.projector.lag',
    unit: 'ms',
    description: "How long rows have waited without this process's projector getting through the journal.",
  },
  settleFailures: {
    name: 'throughline.settle.failures',
    unit: '{batch}',
    description: 'Appends to the journal that failed: what they held went to the spill file, or was refused.',
  },
  spillBytes: {
    name: 'throughline.spill.bytes',
    unit: 'By',
    description: "Bytes that wait in this process's spill files.",
  },
  snapshotAge: {
    name: 'throughline.snapshot.age',
    unit: 'ms',
    description: 'Age of the oldest snapshot with which a context began, in the last minute or two.',
  },
} as const
