// The DOMPurify that Monaco uses, in the form that Monaco imports its own copy
// in, which is old (see build/plugins.mjs).
import DOMPurify from 'dompurify';

export const { sanitize, addHook, removeHook, isSupported, version } = DOMPurify;
export default DOMPurify;
