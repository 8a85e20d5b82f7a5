/**
 * The Redis store's atomic steps in Lua. What a job may become is decided in `jobs/job.ts`; the scripts only do what must
 * be one command: `claim`, `renew` and `append`, because their caller has not read the job, and `swap`, which writes a
 * decided transition if nothing has changed since the job was read.
 *
 * A job is a hash: `facts` and `end` are JSON that no script looks into, `state` is JSON of integers, plain words and
 * nulls that they read and write, so that Lua's idea of JSON can bend nothing. Every script may be run twice by a client
 * that lost the answer of the first run: the second finds its work done and says the same (but for `stranded`, whose second
 * run names nobody, so that the next sweep does).
 *
 * Beside the job's own keys (`{id}` is their hash tag) the scripts keep the indexes (redis-index-scripts.ts); doing so in
 * the same step is what makes a small job three commands. On a Redis Cluster the prefix has to carry one tag for all.
 */

const LIBRARY = `
local prefix = ARGV[1]
local id = ARGV[2]
local now = tonumber(ARGV[3])
local function key(of, part) return prefix .. '{' .. of .. '}:' .. part end
local job, body, result = key(id, 'job'), key(id, 'body'), key(id, 'result')
local owners, due, statuses, waiting = prefix .. 'owner:', prefix .. 'due', prefix .. 'status:', prefix .. 'waiting:'
local function later(index) return redis.call('ZCOUNT', index, '(' .. now, '+inf') end
local function isEnded(status) return status ~= 'queued' and status ~= 'in_progress' end
local function isNull(value) return value == nil or value == cjson.null end
local function read(of)
  local text = redis.call('HGET', key(of, 'job'), 'state')
  if not text then return nil end
  local state = cjson.decode(text)
  if isEnded(state.status) and state.expiresAt <= now then return nil end
  return state, text
end
local function fields(of)
  return redis.call('HMGET', key(of, 'job'), 'facts', 'state', 'end', 'profile')
end
local function keep(of, ms, atLeast)
  local names = {key(of, 'job'), key(of, 'body'), key(of, 'result')}
  local found = redis.call('HMGET', key(of, 'job'), 'owner', 'idempotency')
  if found[2] then table.insert(names, prefix .. 'key:' .. found[2]) end
  for _, name in ipairs(names) do
    if not atLeast or redis.call('PTTL', name) < tonumber(ms) then redis.call('PEXPIRE', name, ms) end
  end
  local list = owners .. found[1]
  if redis.call('PTTL', list) < tonumber(ms) then redis.call('PEXPIRE', list, ms) end
end
-- A day longer than the longest of its jobs, for the sweep to tidy.
local function outlast(index, ms)
  local wanted = tonumber(ms) + 86400000
  if redis.call('PTTL', index) < wanted then redis.call('PEXPIRE', index, wanted) end
end
local function file(of, from, to, wakeAt)
  local owner = redis.call('HGET', key(of, 'job'), 'owner')
  local name = of .. ' ' .. owner
  local left = redis.call('PTTL', key(of, 'job'))
  if from ~= to then redis.call('ZREM', statuses .. from, name) end
  if to == 'queued' then
    redis.call('ZADD', waiting .. owner, now + left, of)
    outlast(waiting .. owner, left)
  elseif from == 'queued' then
    redis.call('ZREM', waiting .. owner, of)
  end
  redis.call('ZADD', statuses .. to, now + left, name)
  outlast(statuses .. to, left)
  if wakeAt == '' then redis.call('ZREM', due, name) else redis.call('ZADD', due, wakeAt, name) end
  outlast(due, left)
end
local function erase(of, status, owner)
  local named = redis.call('HGET', key(of, 'job'), 'idempotency')
  if named then redis.call('DEL', prefix .. 'key:' .. named) end
  redis.call('DEL', key(of, 'job'), key(of, 'body'), key(of, 'result'))
  redis.call('ZREM', owners .. owner, of)
  redis.call('ZREM', waiting .. owner, of)
  redis.call('ZREM', due, of .. ' ' .. owner)
  redis.call('ZREM', statuses .. status, of .. ' ' .. owner)
end
`;

/** Milliseconds that a deletion is remembered, for the client that lost the answer and asks again. */
const REMEMBERED_MS = 60_000;
/** Longer than any job is kept after the last that was made: then the numbers may begin anew. */
const NUMBERED_MS = 90 * 86_400_000;
/** In place of a deletion's name, for a job that was taken back. */
const WITHDRAWN = 'withdrawn';

/** A script that begins with what all of them know. */
export function script(body: string): string {
  return `${LIBRARY}${body}`;
}

/** One that is sent again, and comes only when the job is made, changes nothing. ARGV: prefix, id, now, chunk index, bytes, ms to keep. */
const putBodyChunk = script(`
if redis.call('EXISTS', job) == 1 then return 1 end
redis.call('HSET', body, ARGV[4], ARGV[5])
redis.call('PEXPIRE', body, ARGV[6])
redis.call('ZADD', prefix .. 'orphans', now, id)
redis.call('PEXPIRE', prefix .. 'orphans', 2 * tonumber(ARGV[6]))
return 1
`);

/** ARGV: prefix, id, now. */
const dropBody = script(`
redis.call('DEL', body)
redis.call('ZREM', prefix .. 'orphans', id)
return 1
`);

/** ARGV: prefix, id, now, owner, facts, state, profile, credential, body, key, fingerprint, wakeAt, ms to keep, jobs that may wait in all and of the owner, then earlier keys and fingerprints in turn. */
const create = script(`
local owner, wakeAt, ms = ARGV[4], ARGV[12], ARGV[13]
local function taken(name, fingerprint)
  local earlier = redis.call('HMGET', prefix .. 'key:' .. name, 'id', 'fingerprint')
  if not earlier[1] or earlier[1] == id then return nil end
  if read(earlier[1]) then
    if earlier[2] ~= fingerprint then return {'conflict', fields(earlier[1])} end
    redis.call('HSET', key(earlier[1], 'job'), 'shared', '1')
    return {'duplicate', fields(earlier[1])}
  end
  local left = redis.call('HMGET', key(earlier[1], 'job'), 'state', 'owner')
  if left[1] then erase(earlier[1], cjson.decode(left[1]).status, left[2]) end
end
if redis.call('GET', key(id, 'removed')) == '${WITHDRAWN}' then return {'withdrawn'} end
if ARGV[10] ~= '' then
  local reply = taken(ARGV[10], ARGV[11])
  for at = 16, #ARGV, 2 do reply = reply or taken(ARGV[at], ARGV[at + 1]) end
  if reply then return reply end
end
if redis.call('HEXISTS', job, 'state') == 1 then return {'created', fields(id)} end
if later(statuses .. 'queued') >= tonumber(ARGV[14]) then return {'full', 'all'} end
if later(waiting .. owner) >= tonumber(ARGV[15]) then return {'full', 'caller'} end
redis.call('HSET', job, 'facts', ARGV[5], 'state', ARGV[6], 'owner', owner, 'profile', ARGV[7])
if ARGV[8] ~= '' then redis.call('HSET', job, 'credential', ARGV[8]) end
if ARGV[9] ~= '' then redis.call('HSET', body, '0', ARGV[9]) end
if ARGV[10] ~= '' then
  redis.call('HSET', prefix .. 'key:' .. ARGV[10], 'id', id, 'fingerprint', ARGV[11])
  redis.call('HSET', job, 'idempotency', ARGV[10])
end
redis.call('ZADD', owners .. owner, redis.call('INCR', prefix .. 'seq'), id)
redis.call('PEXPIRE', prefix .. 'seq', ${NUMBERED_MS})
redis.call('ZREM', prefix .. 'orphans', id)
keep(id, ms)
file(id, 'queued', 'queued', wakeAt)
return {'created', fields(id)}
`);

/** ARGV: prefix, id, now. A creation that the server comes to only now finds that nobody waits for it any more. */
const withdraw = script(`
local state = read(id)
if state then
  if state.status ~= 'queued' or state.attempts > 0 or redis.call('HEXISTS', job, 'shared') == 1 then
    return {'kept', fields(id)}
  end
  erase(id, state.status, redis.call('HGET', job, 'owner'))
end
redis.call('SET', key(id, 'removed'), '${WITHDRAWN}', 'PX', ${REMEMBERED_MS})
return {'withdrawn'}
`);

/** Jobs that wait, in all and of an owner. ARGV: prefix, '', now, owner. */
const countWaiting = script(`
return {later(statuses .. 'queued'), later(waiting .. ARGV[4])}
`);

/** The job where its version is another; else no more than that it is not. ARGV: prefix, id, now, version. */
const newer = script(`
local state = read(id)
if not state then return {'gone'} end
if state.version == tonumber(ARGV[4]) then return {'same'} end
return {'found', fields(id)}
`);

/** ARGV: prefix, id, now. */
const get = script(`
if not read(id) then return {'gone'} end
return {'found', fields(id)}
`);

/** ARGV: prefix, id, now, lease ms, losses allowed, name of this claim, generation and version that the message was sent for, or ''. */
const claim = script(`
local state = read(id)
if not state then return {'gone'} end
if ARGV[7] ~= '' and tonumber(ARGV[7]) < (state.generation or 1) then return {'superseded'} end
if isEnded(state.status) then return {'ended', fields(id)} end
local function given()
  return {'claimed', fields(id), redis.call('HGET', job, 'credential') or '', redis.call('HGET', body, '0') or ''}
end
local function past(time) return not isNull(time) and time <= now end
local from = state.status
if from == 'in_progress' then
  if state.claim == ARGV[6] then return given() end
  if state.leaseUntil > now then return {'held', tostring(state.leaseUntil)} end
  if not isNull(state.cancelRequestedAt) or past(state.cancelAt) or state.losses >= tonumber(ARGV[5]) then
    return {'overdue', fields(id)}
  end
  state.losses = state.losses + 1
else
  if past(state.cancelAt) or past(state.expiresAt) then return {'overdue', fields(id)} end
  if state.dueAt > now then
    if ARGV[8] ~= '' and tonumber(ARGV[8]) ~= state.version then return {'superseded'} end
    return {'early', tostring(state.dueAt)}
  end
end
state.status = 'in_progress'
state.dueAt = nil
state.claim = ARGV[6]
state.attempts = state.attempts + 1
state.version = state.version + 1
if isNull(state.startedAt) then state.startedAt = now end
state.leaseUntil = now + tonumber(ARGV[4])
state.cancelRequestedAt = cjson.null
state.progress = cjson.null
redis.call('HSET', job, 'state', cjson.encode(state))
redis.call('DEL', result)
file(id, from, 'in_progress', state.leaseUntil)
return given()
`);

/** ARGV: prefix, id, now, attempt, lease ms, ms to keep. */
const renew = script(`
local state = read(id)
if not state or state.status ~= 'in_progress' or state.attempts ~= tonumber(ARGV[4]) then return {'fenced'} end
state.leaseUntil = now + tonumber(ARGV[5])
local text = cjson.encode(state)
redis.call('HSET', job, 'state', text)
keep(id, ARGV[6], true)
file(id, 'in_progress', 'in_progress', state.leaseUntil)
return {'renewed', text}
`);

/** ARGV: prefix, id, now, attempt, chunk index, "eventsBefore bytes", progress as JSON, ms to keep. */
const append = script(`
local state = read(id)
if not state or state.status ~= 'in_progress' or state.attempts ~= tonumber(ARGV[4]) then return {'fenced'} end
local progress = cjson.decode(ARGV[7])
local known = not isNull(state.progress) and state.progress.chunks or 0
if known < progress.chunks then
  redis.call('HSET', result, ARGV[5], ARGV[6])
  redis.call('PEXPIRE', result, ARGV[8])
  state.progress = progress
  state.version = state.version + 1
  redis.call('HSET', job, 'state', cjson.encode(state))
end
return {'appended', redis.call('HGET', job, 'state')}
`);

/**
 * Writes a decided transition. ARGV: prefix, id, now, state as it was read, state, end, credential ('=' keeps it), body
 * ('drop' or ''), results ('drop' or ''), wakeAt ('' where nobody need look), ms to keep, chunk index or '', "eventsBefore bytes".
 */
const swap = script(`
local state, text = read(id)
if not state then return {'gone'} end
if text ~= ARGV[5] then
  if text ~= ARGV[4] then return {'changed', fields(id)} end
  local after = cjson.decode(ARGV[5])
  redis.call('HSET', job, 'state', ARGV[5], 'end', ARGV[6])
  if ARGV[7] == '' then redis.call('HDEL', job, 'credential') elseif ARGV[7] ~= '=' then redis.call('HSET', job, 'credential', ARGV[7]) end
  if ARGV[8] == 'drop' then redis.call('DEL', body) end
  if ARGV[9] == 'drop' then redis.call('DEL', result) end
  if ARGV[12] ~= '' then redis.call('HSET', result, ARGV[12], ARGV[13]) end
  keep(id, ARGV[11])
  file(id, state.status, after.status, ARGV[10])
end
return {'written'}
`);

/** ARGV: prefix, id, now, name of this deletion. */
const remove = script(`
local state = read(id)
if not state then return redis.call('GET', key(id, 'removed')) == ARGV[4] and 'removed' or 'gone' end
if not isEnded(state.status) then return 'not_ended' end
erase(id, state.status, redis.call('HGET', job, 'owner'))
redis.call('SET', key(id, 'removed'), ARGV[4], 'PX', ${REMEMBERED_MS})
return 'removed'
`);

/** The chunk in which an event lies, found by halves: a chunk is read whole. ARGV: prefix, id, now, attempt, event. */
const chunkOfEvent = script(`
local state = read(id)
local low, high = 0, (state and not isNull(state.progress) and state.progress.chunks or 1) - 1
while low < high do
  local middle = math.ceil((low + high) / 2)
  local found = redis.call('HGET', result, ARGV[4] .. ':' .. middle)
  if found and tonumber(string.match(found, '^%d+')) <= tonumber(ARGV[5]) then low = middle else high = middle - 1 end
end
return low
`);

export const steps = {
  putBodyChunk,
  dropBody,
  create,
  withdraw,
  countWaiting,
  newer,
  get,
  claim,
  renew,
  append,
  swap,
  remove,
  chunkOfEvent,
};
