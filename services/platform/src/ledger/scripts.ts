/**
 * The ledger's scripts. Each gets KEYS[1] = the counters and ARGV[1] = the key prefix; every other key is made from the
 * prefix, whose hash tag keeps them all in the slot of KEYS[1]. A copy's record is a hash with `job` (JSON of the
 * JournalCopy), `intake`, `state`, `attempts`, and of the last attempt `dcid`, `reason`, `response`, at the end `at`.
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
`;

/**
 * Counts a message as seen, its splinters as enqueued or skipped, and makes each copy active. A MID that is known
 * already is passed over, so that a commit whose answer was lost can be repeated.
 * ARGV: prefix, now, milliseconds of tracking, JSON list of skip reasons, then per copy: JSON, hash of the Message-ID.
 */
export const COMMIT = `${PRELUDE}
local now, tracking_ms = tonumber(ARGV[2]), tonumber(ARGV[3])
local seen = 0
for _, reason in ipairs(cjson.decode(ARGV[4])) do
  seen = seen + 1
  count('skipped:' .. reason, 1)
end
for i = 5, #ARGV, 2 do
  local job = cjson.decode(ARGV[i])
  local mid = string.format('%.0f', job.mid)
  local record = key('copy', mid)
  if redis.call('EXISTS', record) == 0 then
    local intake = job.route.intake
    redis.call('HSET', record, 'job', ARGV[i], 'intake', intake, 'state', 'unattempted', 'attempts', 0)
    redis.call('PEXPIREAT', record, string.format('%.0f', job.expiresAt + tracking_ms))
    redis.call('ZADD', key('active'), job.expiresAt, mid)
    redis.call('ZADD', key('unqueued'), now, mid)
    redis.call('ZADD', key('oldest', intake), job.enqueuedAt, mid)
    redis.call('ZADD', key('tracking'), job.enqueuedAt, mid)
    if ARGV[i + 1] ~= '' then
      local index = key('message-id', ARGV[i + 1])
      redis.call('SADD', index, mid)
      redis.call('PEXPIREAT', index, string.format('%.0f', job.expiresAt + tracking_ms))
    end
    seen = seen + 1
    count('enqueued:' .. intake, 1)
    count('unattempted:' .. intake, 1)
  end
end
count('seen', seen)
return seen
`;

/** Takes commits back whose jobs could not be queued. ARGV: prefix, MIDs. Answers how many were taken back. */
export const WITHDRAW = `${PRELUDE}
local taken = 0
for i = 2, #ARGV do
  local mid = ARGV[i]
  local record = key('copy', mid)
  local state, intake = unpack(redis.call('HMGET', record, 'state', 'intake'))
  if state == 'unattempted' then
    leave(mid, intake, state)
    redis.call('ZREM', key('tracking'), mid)
    redis.call('UNLINK', record)
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

/** ARGV: prefix, MID, attempt, DCID, reason, response. Answers 1 once per attempt. */
export const SOFT_BOUNCE = `${PRELUDE}
local mid, record = ARGV[2], key('copy', ARGV[2])
local state, intake, attempts = unpack(redis.call('HMGET', record, 'state', 'intake', 'attempts'))
if not is_active(state) or tonumber(attempts) >= tonumber(ARGV[3]) then return 0 end
redis.call('HSET', record, 'attempts', ARGV[3], 'dcid', ARGV[4], 'reason', ARGV[5], 'response', ARGV[6])
redis.call('ZREM', key('attempting'), mid)
count('soft:' .. intake .. ':' .. ARGV[5], 1)
return 1
`;

/**
 * Records an outcome, once per MID. ARGV: prefix, MID, now, state, counter, DCID, reason, response; the counter is a
 * field name with %s in place of the intake. Answers 1 when this call recorded it.
 */
export const FINISH = `${PRELUDE}
local mid, record = ARGV[2], key('copy', ARGV[2])
local state, intake, attempts = unpack(redis.call('HMGET', record, 'state', 'intake', 'attempts'))
if not is_active(state) then return 0 end
if redis.call('ZSCORE', key('attempting'), mid) then attempts = attempts + 1 end
leave(mid, intake, state)
redis.call('HSET', record, 'state', ARGV[4], 'at', ARGV[3], 'attempts', attempts, 'reason', ARGV[7], 'response', ARGV[8])
if ARGV[6] ~= '0' then redis.call('HSET', record, 'dcid', ARGV[6]) end
count(string.format(ARGV[5], intake), 1)
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
    redis.call('ZREM', key('tracking'), mid)
    redis.call('UNLINK', key('copy', mid))
    trimmed = trimmed + 1
  end
end
return trimmed
`;
