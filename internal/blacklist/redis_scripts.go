package blacklist

// The scripts. Each works on the keys of one bucket, and each says which node
// it ran on: a run id is new with every start, and with it the node's memory.
// Asking for it inside the script is the only way to know who really answered;
// connections are pooled, and behind an address there may be another node.

// runIDLua leaves the run id in run, "" where the server tells none.
const runIDLua = `
local info = redis.pcall('INFO', 'server')
local run = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
`

// markerLua finds the marker of KEYS[1]: at is its time in ms when it is bound
// to this node, else nil.
const markerLua = runIDLua + `
local id, at = string.match(redis.call('GET', KEYS[1]) or '', '^(%x+) (%d+)$')
if id ~= run then at = nil end
`

// lookLua: KEYS marker, session entry, secret entry; ARGV now in ms.
// Returns run id, time of the marker, number of entries.
const lookLua = markerLua + `
if not at then
  at = ARGV[1]
  redis.call('SET', KEYS[1], run .. ' ' .. at)
end
return {run, at, redis.call('EXISTS', KEYS[2], KEYS[3])}
`

// markLua: KEYS marker; ARGV time in ms, "1" to reset one that is in order.
// Returns run id.
const markLua = markerLua + `
if not at or (ARGV[2] == '1' and tonumber(at) < tonumber(ARGV[1])) then
  redis.call('SET', KEYS[1], run .. ' ' .. ARGV[1])
end
return run
`

// putLua: KEYS one entry; ARGV its life in ms. Returns run id. A longer life
// that is there stays.
const putLua = runIDLua + `
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then
  redis.call('SET', KEYS[1], '', 'PX', ARGV[1])
end
return run
`
