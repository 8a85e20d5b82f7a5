import { script } from './redis-scripts.ts';

/*
 * Scripts over many jobs, by the indexes that each step of a job keeps: `owner:HASH` (ids by number of creation), `due`
 * and `status:…` (`id owner`; the latter by the time at which Redis drops the job, so that they are true without anybody
 * telling them). A script keeps everybody else waiting: each looks at no more entries than it is told.
 */

/**
 * Owners' jobs, newest first, as far as this many ids of each lead: for each owner where to go on ('' at the end), then
 * the jobs found. ARGV: prefix, '', now, id to begin after or '', status or '', jobs wanted, ids to look at, then owners
 * and where to go on in turn ('' at first). Nothing where the id to begin after is unknown.
 */
const list = script(`
local first = '+inf'
if ARGV[4] ~= '' then
  local seq = nil
  for at = 8, #ARGV, 2 do seq = seq or redis.call('ZSCORE', owners .. ARGV[at], ARGV[4]) end
  if not seq then return {} end
  first = '(' .. seq
end
local wanted, most, pages = tonumber(ARGV[6]), tonumber(ARGV[7]), {}
for at = 8, #ARGV, 2 do
  local index, top = owners .. ARGV[at], ARGV[at + 1]
  if top == '' then top = first end
  local ids = redis.call('ZREVRANGEBYSCORE', index, top, '-inf', 'WITHSCORES', 'LIMIT', 0, most)
  local page = {#ids == 2 * most and '(' .. ids[#ids] or ''}
  for place = 1, #ids, 2 do
    local of = ids[place]
    local state = read(of)
    if not state then
      if redis.call('EXISTS', key(of, 'job')) == 0 then redis.call('ZREM', index, of) end
    elseif ARGV[5] == '' or state.status == ARGV[5] then
      table.insert(page, {ids[place + 1], fields(of)})
      if #page > wanted then break end
    end
  end
  table.insert(pages, page)
end
return pages
`);

/** Entries without an owner are the version before's. ARGV: prefix, '', now, due before, limit, when to look again. */
const stranded = script(`
local found = {}
for _, name in ipairs(redis.call('ZRANGEBYSCORE', due, '-inf', ARGV[4], 'LIMIT', 0, ARGV[5])) do
  local of, owner = string.match(name, '^(%S+) ?(.*)$')
  local state = read(of)
  if state and (not isEnded(state.status) or not isNull(state.webhookAt)) then
    redis.call('ZADD', due, ARGV[6], name)
    table.insert(found, fields(of))
  else
    redis.call('ZREM', due, name)
    if not state then
      for _, status in ipairs({'queued', 'in_progress'}) do redis.call('ZREM', statuses .. status, name) end
      redis.call('ZREM', owners .. owner, of)
      redis.call('ZREM', waiting .. owner, of)
    end
  end
end
return found
`);

/**
 * Takes jobs that are over out of the indexes and erases what Redis has not dropped yet.
 * ARGV: prefix, '', now, limit, orphans before.
 */
const sweep = script(`
local removed = 0
for _, status in ipairs({'completed', 'failed', 'cancelled', 'expired', 'queued', 'in_progress'}) do
  local names = redis.call('ZRANGEBYSCORE', statuses .. status, '-inf', now, 'LIMIT', 0, tonumber(ARGV[4]) - removed)
  for _, name in ipairs(names) do
    local of, owner = string.match(name, '^(%S+) (.*)$')
    local left = redis.call('PTTL', key(of, 'job'))
    if not isEnded(status) and left > 0 then
      redis.call('ZADD', statuses .. status, now + left, name)
    else
      erase(of, status, owner)
      removed = removed + 1
    end
  end
end
for _, of in ipairs(redis.call('ZRANGEBYSCORE', prefix .. 'orphans', '-inf', ARGV[5], 'LIMIT', 0, ARGV[4])) do
  if redis.call('EXISTS', key(of, 'job')) == 0 then redis.call('DEL', key(of, 'body')) end
  redis.call('ZREM', prefix .. 'orphans', of)
end
return removed
`);

/** Jobs of each status that Redis still has. ARGV: prefix, '', now, statuses… */
const countJobs = script(`
local found = {}
for at = 4, #ARGV do table.insert(found, later(statuses .. ARGV[at])) end
return found
`);

export const indexScripts = { list, stranded, sweep, countJobs };
