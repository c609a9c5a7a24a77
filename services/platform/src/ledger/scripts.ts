/**
 * The ledger's scripts. Each gets KEYS[1] = the counters and ARGV[1] = the key prefix; every other key is made from the
 * prefix, whose hash tag keeps them all in the slot of KEYS[1]. A copy's record is a hash with `job` (JSON of the
 * JournalCopy), `id` (its journal id), `intake`, `index` (hash of the Message-ID), `state`, `attempts`, of the last attempt
 * `dcid`, `reason`, `response`, `until` (when a failed one may be made again), at the end `at`, and `call`, the call that
 * last recorded a bounce or an outcome: a call that is sent again because its answer was lost is answered as it was at
 * first. A call that would write when Redis is at its memory limit fails before it wrote anything; FINISH and WITHDRAW
 * begin by freeing memory and are let through.
 *
 * What many copies need at once is one call for all of them: what a call costs beside its work is paid once, and so is
 * each write to a counter or a set.
 */

/** Shared by all scripts: names of keys, and writes that are put together. */
const PRELUDE = `
local counters, prefix = KEYS[1], ARGV[1]
local function key(...) return table.concat({prefix, ...}, ':') end
local sums = {}
local function count(field, by) sums[field] = (sums[field] or 0) + by end
local function write_counts()
  for field, by in pairs(sums) do if by ~= 0 then redis.call('HINCRBY', counters, field, by) end end
end
local function many(command, name, list)
  for at = 1, #list, 1000 do redis.call(command, name, unpack(list, at, math.min(at + 999, #list))) end
end
local function scored(list, score, member)
  list[#list + 1] = score
  list[#list + 1] = member
end
local function is_active(state) return state == 'unattempted' or state == 'attempted' end
local left, oldest_left, bodies_left = {}, {}, {}
local function leave(mid, intake, state)
  table.insert(left, mid)
  oldest_left[intake] = oldest_left[intake] or {}
  table.insert(oldest_left[intake], mid)
  table.insert(bodies_left, key('spool', mid))
  count(state .. ':' .. intake, -1)
end
local function write_leaving()
  for _, set in ipairs({'active', 'attempting', 'unqueued', 'later'}) do many('ZREM', key(set), left) end
  for intake, mids in pairs(oldest_left) do many('ZREM', key('oldest', intake), mids) end
  for _, body in ipairs(bodies_left) do redis.call('UNLINK', body) end
end
local function forget(mid, index)
  redis.call('ZREM', key('tracking'), mid)
  redis.call('UNLINK', key('copy', mid))
  if index and index ~= '' then redis.call('SREM', key('message-id', index), mid) end
end
`;

/**
 * Commits messages, each as a whole or not at all: counts it as seen, its splinters as enqueued or skipped, stores the
 * bodies that come along, and makes each copy active. When its copies are known already nothing is done, so that a commit
 * whose answer was lost can be repeated. A MID under which another copy, or another message's body, is known was given out
 * twice by a Redis that lost its numbers.
 * ARGV: prefix, now, milliseconds of tracking, milliseconds of a body's life, then per message: number of copies, number
 * of skips, `1` with a body and `0` without, the body, the skips' reasons, and per copy MID, journal id, intake, deadline,
 * time of enqueueing, hash of the Message-ID, JSON.
 * Answers per message how many splinters were counted as seen, or -MID of the copy that is another's.
 */
export const COMMIT = `${PRELUDE}
local now, tracking_ms, body_ms = ARGV[2], tonumber(ARGV[3]), ARGV[4]
local active, unqueued, tracking, oldest, answers = {}, {}, {}, {}, {}
local function state_of(first, copies, with_body)
  for i = first, first + (copies - 1) * 7, 7 do
    local id = redis.call('HGET', key('copy', ARGV[i]), 'id')
    if id == ARGV[i + 1] then return 'known' end
    if id or (with_body and redis.call('EXISTS', key('spool', ARGV[i])) == 1) then return ARGV[i] end
  end
end
local function commit_copy(i, body)
  local mid, id, intake, deadline, at, index, json = unpack(ARGV, i, i + 6)
  if body then redis.call('SET', key('spool', mid), body, 'PX', body_ms) end
  redis.call('HSET', key('copy', mid), 'job', json, 'id', id, 'intake', intake, 'index', index,
    'state', 'unattempted', 'attempts', 0)
  scored(active, deadline, mid)
  scored(unqueued, now, mid)
  scored(tracking, at, mid)
  oldest[intake] = oldest[intake] or {}
  scored(oldest[intake], at, mid)
  if index ~= '' then
    local name = key('message-id', index)
    redis.call('SADD', name, mid)
    redis.call('PEXPIREAT', name, string.format('%.0f', deadline + tracking_ms))
  end
  count('enqueued:' .. intake, 1)
  count('unattempted:' .. intake, 1)
end
local at = 5
while at <= #ARGV do
  local copies, skips, with_body = tonumber(ARGV[at]), tonumber(ARGV[at + 1]), ARGV[at + 2] == '1'
  local body, first = with_body and ARGV[at + 3], at + 4 + skips
  local other = state_of(first, copies, with_body)
  if other == nil then
    for i = at + 4, first - 1 do count('skipped:' .. ARGV[i], 1) end
    for i = first, first + (copies - 1) * 7, 7 do commit_copy(i, body) end
    count('seen', skips + copies)
    table.insert(answers, skips + copies)
  else
    table.insert(answers, other == 'known' and 0 or -tonumber(other))
  end
  at = first + copies * 7
end
many('ZADD', key('active'), active)
many('ZADD', key('unqueued'), unqueued)
many('ZADD', key('tracking'), tracking)
for intake, list in pairs(oldest) do many('ZADD', key('oldest', intake), list) end
write_counts()
return answers
`;

/** Takes commits back whose jobs could not be queued. ARGV: prefix, MIDs. Answers how many were taken back. */
export const WITHDRAW = `${PRELUDE}
local taken = 0
for i = 2, #ARGV do
  local mid = ARGV[i]
  local record = key('copy', mid)
  local state, intake, index = unpack(redis.call('HMGET', record, 'state', 'intake', 'index'))
  if state == 'unattempted' then
    leave(mid, intake, state)
    forget(mid, index)
    count('enqueued:' .. intake, -1)
    count('skipped:enqueue-failed', 1)
    taken = taken + 1
  end
end
write_leaving()
write_counts()
return taken
`;

/**
 * Begins attempts. ARGV: prefix, now, end of the leases, length up to which a body is handed out at once, MIDs. Answers per
 * MID a list: `go`, number of failed attempts, JSON, and the body, where it is short and there; or `finished`, when the copy
 * has its outcome; or `later` and the time before which it must not be attempted.
 */
export const BEGIN_ATTEMPTS = `${PRELUDE}
local now, lease, body_length = tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local attempting, begun, answers = {}, {}, {}
for i = 5, #ARGV do
  local mid, record = ARGV[i], key('copy', ARGV[i])
  local state, intake, attempts, json, until_time =
    unpack(redis.call('HMGET', record, 'state', 'intake', 'attempts', 'job', 'until'))
  if not is_active(state) then
    table.insert(answers, {'finished'})
  elseif until_time and tonumber(until_time) > now then
    table.insert(answers, {'later', until_time})
  else
    if state == 'unattempted' then
      redis.call('HSET', record, 'state', 'attempted')
      count('unattempted:' .. intake, -1)
      count('attempted:' .. intake, 1)
    end
    scored(attempting, lease, mid)
    table.insert(begun, mid)
    local body, name = false, key('spool', mid)
    if redis.call('STRLEN', name) <= body_length then body = redis.call('GET', name) end
    table.insert(answers, {'go', attempts, json, body})
  end
end
many('ZADD', key('attempting'), attempting)
many('ZREM', key('unqueued'), begun)
many('ZREM', key('later'), begun)
write_counts()
return answers
`;

/** Makes a lease that runs last longer. ARGV: prefix, MID, end of lease. */
export const EXTEND_LEASE = `${PRELUDE}
return redis.call('ZADD', key('attempting'), 'XX', 'GT', ARGV[3], ARGV[2])
`;

/** Gives a lease back; a copy that was never tried is unattempted again. ARGV: prefix, MID. */
export const RELEASE_ATTEMPT = `${PRELUDE}
local mid, record = ARGV[2], key('copy', ARGV[2])
local state, intake, attempts = unpack(redis.call('HMGET', record, 'state', 'intake', 'attempts'))
if not is_active(state) then return 0 end
redis.call('ZREM', key('attempting'), mid)
if state == 'attempted' and tonumber(attempts) == 0 then
  redis.call('HSET', record, 'state', 'unattempted')
  count('attempted:' .. intake, -1)
  count('unattempted:' .. intake, 1)
end
write_counts()
return 1
`;

/**
 * ARGV: prefix, MID, call, attempt, DCID, reason, response, time of the next attempt. Answers 1 to the one call that
 * recorded the attempt.
 */
export const SOFT_BOUNCE = `${PRELUDE}
local mid, record = ARGV[2], key('copy', ARGV[2])
local state, intake, attempts, call = unpack(redis.call('HMGET', record, 'state', 'intake', 'attempts', 'call'))
if call == ARGV[3] then return 1 end
if not is_active(state) or tonumber(attempts) >= tonumber(ARGV[4]) then return 0 end
redis.call('HSET', record, 'attempts', ARGV[4], 'dcid', ARGV[5], 'reason', ARGV[6], 'response', ARGV[7],
  'until', ARGV[8], 'call', ARGV[3])
redis.call('ZREM', key('attempting'), mid)
redis.call('ZADD', key('later'), ARGV[8], mid)
count('soft:' .. intake .. ':' .. ARGV[6], 1)
write_counts()
return 1
`;

/**
 * Records outcomes, one per MID; from then on the record lives as long as tracking. ARGV: prefix, now, milliseconds of
 * tracking, then per copy: MID, call, state, counter, DCID, reason, response; the counter is a field name with %s in place
 * of the intake. Answers per copy 1 to the one call that recorded it, else 0.
 */
export const FINISH = `${PRELUDE}
local now, answers, calls, ended = ARGV[2], {}, {}, {}
for i = 4, #ARGV, 7 do
  local mid, call = ARGV[i], ARGV[i + 1]
  local state, intake, attempts, last = unpack(redis.call('HMGET', key('copy', mid), 'state', 'intake', 'attempts', 'call'))
  last = calls[mid] or last
  if last ~= call and is_active(state) and not calls[mid] then
    if redis.call('ZSCORE', key('attempting'), mid) then attempts = attempts + 1 end
    calls[mid] = call
    leave(mid, intake, state)
    count(string.format(ARGV[i + 3], intake), 1)
    table.insert(ended, {at = i, attempts = attempts})
    last = call
  end
  table.insert(answers, last == call and 1 or 0)
end
write_leaving()
for _, copy in ipairs(ended) do
  local mid, call, state, _, dcid, reason, response = unpack(ARGV, copy.at, copy.at + 6)
  local record = key('copy', mid)
  redis.call('HSET', record, 'state', state, 'at', now, 'attempts', copy.attempts, 'reason', reason,
    'response', response, 'call', call)
  if dcid ~= '0' then redis.call('HSET', record, 'dcid', dcid) end
  redis.call('PEXPIREAT', record, string.format('%.0f', now + ARGV[3]))
end
write_counts()
return answers
`;

/** Active copies past their deadline without a running lease. ARGV: prefix, now, limit. Answers their jobs. */
export const EXPIRED = `${PRELUDE}
local jobs, offset, limit = {}, 0, tonumber(ARGV[3])
while #jobs < limit do
  local due = redis.call('ZRANGEBYSCORE', key('active'), '-inf', ARGV[2], 'LIMIT', offset, limit)
  if #due == 0 then break end
  for _, mid in ipairs(due) do
    local lease = redis.call('ZSCORE', key('attempting'), mid)
    local job = redis.call('HGET', key('copy', mid), 'job')
    if job and #jobs < limit and (not lease or tonumber(lease) <= tonumber(ARGV[2])) then table.insert(jobs, job) end
  end
  offset = offset + #due
end
return jobs
`;

/** Copies committed before a time whose job was never confirmed. ARGV: prefix, time, limit. Answers their jobs. */
export const ORPHANS = `${PRELUDE}
local jobs = {}
for _, mid in ipairs(redis.call('ZRANGEBYSCORE', key('unqueued'), '-inf', ARGV[2], 'LIMIT', 0, ARGV[3])) do
  local job = redis.call('HGET', key('copy', mid), 'job')
  if job then table.insert(jobs, job) else redis.call('ZREM', key('unqueued'), mid) end
end
return jobs
`;

/** Forgets finished copies that are too old or too many. ARGV: prefix, oldest time kept, number kept, batch. */
export const TRIM = `${PRELUDE}
local over = redis.call('ZCARD', key('tracking')) - tonumber(ARGV[3])
local old = redis.call('ZCOUNT', key('tracking'), '-inf', '(' .. ARGV[2])
local excess = math.min(math.max(over, old), tonumber(ARGV[4]))
if excess <= 0 then return 0 end
local trimmed = 0
for _, mid in ipairs(redis.call('ZRANGE', key('tracking'), 0, excess - 1)) do
  if not redis.call('ZSCORE', key('active'), mid) then
    forget(mid, redis.call('HGET', key('copy', mid), 'index'))
    trimmed = trimmed + 1
  end
end
return trimmed
`;

/**
 * Where the active copies are. ARGV: prefix, time up to which a delayed one counts as due soon. Answers how many there
 * are, being attempted, and waiting for another attempt, and of the latter those due soon.
 */
export const DEPTH = `${PRELUDE}
return {redis.call('ZCARD', key('active')), redis.call('ZCARD', key('attempting')), redis.call('ZCARD', key('later')),
  redis.call('ZCOUNT', key('later'), '-inf', ARGV[2])}
`;

/** How many of the copies are active. ARGV: prefix, MIDs. */
export const COUNT_ACTIVE = `${PRELUDE}
local found = 0
for i = 2, #ARGV do if redis.call('ZSCORE', key('active'), ARGV[i]) then found = found + 1 end end
return found
`;
