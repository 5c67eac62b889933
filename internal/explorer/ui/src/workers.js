// Monaco's language services run in workers, which are files of our own: the
// page's policy allows no blob: worker. build.mjs fills in the names.
/* global WORKER_EDITOR, WORKER_GRAPHQL, WORKER_JSON */
globalThis.MonacoEnvironment = {
  getWorker(_id, label) {
    const urls = { graphql: WORKER_GRAPHQL, json: WORKER_JSON };
    return new Worker(urls[label] ?? WORKER_EDITOR, { type: 'module', name: label });
  },
};
