/** Preloaded by tests: the packages that HIDDEN_PACKAGES names are as if they were not installed. */
const Module = require('node:module');

const hidden = (process.env.HIDDEN_PACKAGES ?? '').split(',');
const load = Module._load;
Module._load = function (name, ...rest) {
  if (hidden.includes(name)) throw Object.assign(new Error(`Cannot find module '${name}'`), { code: 'MODULE_NOT_FOUND' });
  return load.call(this, name, ...rest);
};
