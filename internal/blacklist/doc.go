// Package blacklist is the cache of doubt in front of the store, for access
// checks only: in memory, on Redis, or none. It implements [auth.Blacklist].
//
// It never knows that a token is bad. It knows when a token is certainly not
// blacklisted; in every other case the store must be asked. The certainty has
// three legs, and each of them alone can take it away:
//
//   - no entry: whoever changes a session puts an entry first, on a node;
//   - the marker of the bucket: entries of tokens older than it may be missing,
//     because the node was emptied or had not been in use;
//   - the notes: all replicas say in SQL which nodes they put entries on, and a
//     node is trusted only while all agree on it.
//
// The package knows nothing of SQL but [auth.Replicas], and nothing of what
// a session or a token is. docs/explanation/invalidation-cache.md has the
// reasoning.
package blacklist
