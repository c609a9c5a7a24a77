/**
 * The ledger's scripts. Each gets KEYS[1] = the counters and ARGV[1] = the key prefix; every other key is made from the
 * prefix, whose hash tag keeps them all in the slot of KEYS[1]. A copy's record is a hash with `job` (JSON of the
 * JournalCopy), `intake`, `index` (hash of the Message-ID), `state`, `attempts`, of the last attempt `dcid`, `reason`,
 * `response`, at the end `at`, and `call`, the call that last recorded a bounce or an outcome: a call that is sent again
 * because its answer was lost is answered as it was at first. A call that would write when Redis is at its memory limit
 * fails before it wrote anything; FINISH and WITHDRAW begin by freeing memory and are let through.
 */

/** Shared by all scripts: names of keys, and leaving the set of active copies. */
const PRELUDE = `
local counters, prefix = KEYS[1], ARGV[1]
local function key(...) return table.concat({prefix, ...}, ':') end
local function count(field, by) redis.call('HINCRBY', counters, field, by) end
local function is_active(state) return state == 'unattempted' or state == 'attempted' end
local function leave(mid, intake, state)
  redis.call('ZREM', key('active'), mid)
  redis.call('ZREM', key('attempting'), mid)
  redis.call('ZREM', key('unqueued'), mid)
  redis.call('ZREM', key('oldest', intake), mid)
  redis.call('UNLINK', key('spool', mid))
  count(state .. ':' .. intake, -1)
end
local function forget(mid, index)
  redis.call('ZREM', key('tracking'), mid)
  redis.call('UNLINK', key('copy', mid))
  if index and index ~= '' then redis.call('SREM', key('message-id', index), mid) end
end
`;

/**
 * Counts a message as seen, its splinters as enqueued or skipped, and makes each copy active. When its copies are known
 * already nothing is done, so that a commit whose answer was lost can be repeated. A MID under which another copy is
 * known is an error: Redis lost its numbers and gave it out twice.
 * ARGV: prefix, now, milliseconds of tracking, JSON list of skip reasons, then per copy: JSON, hash of the Message-ID.
 * Answers how many were counted as seen.
 */
export const COMMIT = `${PRELUDE}
local now, tracking_ms = ARGV[2], tonumber(ARGV[3])
local copies = {}
for i = 5, #ARGV, 2 do
  local job = cjson.decode(ARGV[i])
  local mid = string.format('%.0f', job.mid)
  local known = redis.call('HGET', key('copy', mid), 'job')
  if known and cjson.decode(known).journalId == job.journalId then return 0 end
  if known then return redis.error_reply('TAKEN MID ' .. mid .. ' belongs to another copy') end
  table.insert(copies, {mid = mid, job = job, json = ARGV[i], index = ARGV[i + 1]})
end
local skipped = cjson.decode(ARGV[4])
for _, reason in ipairs(skipped) do count('skipped:' .. reason, 1) end
for _, copy in ipairs(copies) do
  local mid, job, intake = copy.mid, copy.job, copy.job.route.intake
  redis.call('HSET', key('copy', mid), 'job', copy.json, 'intake', intake, 'index', copy.index,
    'state', 'unattempted', 'attempts', 0)
  redis.call('ZADD', key('active'), job.expiresAt, mid)
  redis.call('ZADD', key('unqueued'), now, mid)
  redis.call('ZADD', key('oldest', intake), job.enqueuedAt, mid)
  redis.call('ZADD', key('tracking'), job.enqueuedAt, mid)
  if copy.index ~= '' then
    local index = key('message-id', copy.index)
    redis.call('SADD', index, mid)
    redis.call('PEXPIREAT', index, string.format('%.0f', job.expiresAt + tracking_ms))
  end
  count('enqueued:' .. intake, 1)
  count('unattempted:' .. intake, 1)
end
count('seen', #skipped + #copies)
return #skipped + #copies
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
return taken
`;

/** ARGV: prefix, MID, end of lease. Answers the number of failed attempts, or -1 when the copy has its outcome. */
export const BEGIN_ATTEMPT = `${PRELUDE}
local mid, record = ARGV[2], key('copy', ARGV[2])
local state, intake, attempts = unpack(redis.call('HMGET', record, 'state', 'intake', 'attempts'))
if not is_active(state) then return -1 end
if state == 'unattempted' then
  redis.call('HSET', record, 'state', 'attempted')
  count('unattempted:' .. intake, -1)
  count('attempted:' .. intake, 1)
end
redis.call('ZADD', key('attempting'), ARGV[3], mid)
redis.call('ZREM', key('unqueued'), mid)
return tonumber(attempts)
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
return 1
`;

/** ARGV: prefix, MID, call, attempt, DCID, reason, response. Answers 1 to the one call that recorded the attempt. */
export const SOFT_BOUNCE = `${PRELUDE}
local mid, record = ARGV[2], key('copy', ARGV[2])
local state, intake, attempts, call = unpack(redis.call('HMGET', record, 'state', 'intake', 'attempts', 'call'))
if call == ARGV[3] then return 1 end
if not is_active(state) or tonumber(attempts) >= tonumber(ARGV[4]) then return 0 end
redis.call('HSET', record, 'attempts', ARGV[4], 'dcid', ARGV[5], 'reason', ARGV[6], 'response', ARGV[7],
  'call', ARGV[3])
redis.call('ZREM', key('attempting'), mid)
count('soft:' .. intake .. ':' .. ARGV[6], 1)
return 1
`;

/**
 * Records an outcome, once per MID; from then on the record lives as long as tracking. ARGV: prefix, MID, call, now,
 * milliseconds of tracking, state, counter, DCID, reason, response; the counter is a field name with %s in place of the
 * intake. Answers 1 to the one call that recorded it.
 */
export const FINISH = `${PRELUDE}
local mid, record = ARGV[2], key('copy', ARGV[2])
local state, intake, attempts, call = unpack(redis.call('HMGET', record, 'state', 'intake', 'attempts', 'call'))
if call == ARGV[3] then return 1 end
if not is_active(state) then return 0 end
if redis.call('ZSCORE', key('attempting'), mid) then attempts = attempts + 1 end
leave(mid, intake, state)
redis.call('HSET', record, 'state', ARGV[6], 'at', ARGV[4], 'attempts', attempts, 'reason', ARGV[9],
  'response', ARGV[10], 'call', ARGV[3])
if ARGV[8] ~= '0' then redis.call('HSET', record, 'dcid', ARGV[8]) end
redis.call('PEXPIREAT', record, string.format('%.0f', ARGV[4] + ARGV[5]))
count(string.format(ARGV[7], intake), 1)
return 1
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
