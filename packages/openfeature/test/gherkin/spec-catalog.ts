import { defineCatalog } from '@throughline/core'

const template = { showImages: true, title: 'Check out these pics!', imagesPerPage: 100 }

/** The same flag for every kind of value: it serves `zero`, and says that it did so by targeting for one address. */
const targeted = {
  rules: [{ if: { 'context.email': 'ballmer@macrosoft.com' }, serve: 'zero' }],
  default: 'zero',
} as const

const variants = {
  boolean: { zero: false, 'non-zero': true },
  string: { zero: '', 'non-zero': 'str' },
  integer: { zero: 0, 'non-zero': 1 },
  float: { zero: 0, 'non-zero': 1 },
  object: { zero: {}, 'non-zero': template },
}

/** A flag that would serve something else, were it not switched off: then it serves its default, here the callers' too. */
const off = { enabled: false, rules: [{ serve: 'on' }], default: 'off' } as const

/**
 * The flags that the scenarios of OpenFeature's specification ask for, in our terms. Those without a default variant are
 * left out: a flag of ours always has a default, and no scenario asks for them.
 */
export const specCatalog = defineCatalog({
  flags: {
    'boolean-flag': { rules: [], default: true },
    'string-flag': { variants: { greeting: 'hi', parting: 'bye' }, rules: [], default: 'greeting' },
    'integer-flag': { variants: { one: 1, ten: 10 }, rules: [], default: 'ten' },
    'float-flag': { variants: { tenth: 0.1, half: 0.5 }, rules: [], default: 'half' },
    'object-flag': { variants: { empty: {}, template }, rules: [], default: 'template' },
    'boolean-zero-flag': { variants: variants.boolean, rules: [], default: 'zero' },
    'string-zero-flag': { variants: variants.string, rules: [], default: 'zero' },
    'integer-zero-flag': { variants: variants.integer, rules: [], default: 'zero' },
    'float-zero-flag': { variants: variants.float, rules: [], default: 'zero' },
    'object-zero-flag': { variants: variants.object, rules: [], default: 'zero' },
    'boolean-targeted-zero-flag': { variants: variants.boolean, ...targeted },
    'string-targeted-zero-flag': { variants: variants.string, ...targeted },
    'integer-targeted-zero-flag': { variants: variants.integer, ...targeted },
    'float-targeted-zero-flag': { variants: variants.float, ...targeted },
    'object-targeted-zero-flag': { variants: variants.object, ...targeted },
    'context-aware': {
      variants: { internal: 'INTERNAL', external: 'EXTERNAL' },
      rules: [{ if: { 'context.customer': false }, serve: 'internal' }],
      default: 'external',
    },
    'complex-targeted': {
      variants: { internal: 'INTERNAL', external: 'EXTERNAL' },
      rules: [
        {
          if: { 'context.customer': false, 'context.email': 'ballmer@macrosoft.com', 'context.age': { gt: 10 } },
          serve: 'internal',
        },
      ],
      default: 'external',
    },
    'wrong-flag': { variants: { one: 'uno', two: 'dos' }, rules: [], default: 'one' },
    'metadata-flag': {
      rules: [],
      default: true,
      metadata: { string: '1.0.2', integer: 2, float: 0.1, double: 0.1, boolean: true },
    },
    'boolean-disabled-flag': { ...off, variants: { on: true, off: false } },
    'string-disabled-flag': { ...off, variants: { on: 'hi', off: 'bye' } },
    'integer-disabled-flag': { ...off, variants: { on: 10, off: 1 } },
    'float-disabled-flag': { ...off, variants: { on: 0.5, off: 0.1 } },
    'object-disabled-flag': { ...off, variants: { on: template, off: { a: 1 } } },
    'disabled-boolean-flag': { ...off, variants: { on: true, off: false } },
    'large-integer-flag': { variants: { one: 1, 'max-int32': 2_147_483_647 }, rules: [], default: 'max-int32' },
    'huge-integer-flag': { variants: { one: 1, 'max-safe': Number.MAX_SAFE_INTEGER }, rules: [], default: 'max-safe' },
    'integral-float-flag': { variants: { tenth: 0.1, ten: 10 }, rules: [], default: 'ten' },
    'targeting-key-flag': {
      variants: { miss: 'miss', hit: 'hit' },
      rules: [{ if: { 'context.targetingKey': '5c3d8535-f81a-4478-a6d3-afaa4d51199e' }, serve: 'hit' }],
      default: 'miss',
    },
    'changing-flag': { variants: { foo: 'foo', bar: 'bar' }, rules: [], default: 'foo' },
    'async-flag': { rules: [], default: true },
  },
  meters: { 'the-event': { aggregate: 'count' } },
})
