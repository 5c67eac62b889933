// Lets the recipes be run where they stand, in docs/verify, with the packages
// that are installed here.
import { register } from 'node:module';

register(`data:text/javascript,${encodeURIComponent(`
const here = ${JSON.stringify(import.meta.url)};
export const resolve = (specifier, context, next) =>
  next(specifier, /^[@a-z]/.test(specifier) && context.parentURL?.includes('/docs/verify/') && !specifier.includes(':')
    ? { ...context, parentURL: here } : context);
`)}`);
