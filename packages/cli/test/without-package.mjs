import { registerHooks } from 'node:module'

/** Given to `node --import`: the package named by WITHOUT_PACKAGE is not installed. */
registerHooks({
  resolve(specifier, context, next) {
    if (specifier !== process.env.WITHOUT_PACKAGE) return next(specifier, context)
    throw Object.assign(new Error(`Cannot find package '${specifier}'`), { code: 'ERR_MODULE_NOT_FOUND' })
  },
})
