/**
 * The ledger's scripts. Each gets KEYS[1] = the counters and ARGV[1] = the key prefix; every other key is made from the
 * prefix, whose hash tag keeps them all in the slot of KEYS[1]. A copy's record is a hash with `job` (JSON of the
 * JournalCopy), `id` (its journal id), `intake`, `index` (hash of the Message-ID), `state`, `attempts`, of the last attempt
 * `dcid`, `reason`, `response`, `until` (when a failed one may be made again), at the end `at`, and `call`, the call that
 * last recorded a bounce or an outcome: a call that is sent again because its answer was lost is answered as it was at
 * first. Bodies are kept out of the scripts, which would copy each octet several times, and count it as theirs to collect:
 * they are stored before the commit and fetched behind the beginning of an attempt, by commands that leave in the same
 * write. A call that would write when Redis is at its memory limit fails before it wrote anything; FINISH and WITHDRAW
 * begin by freeing memory and are let through.
 *
 * What many copies need at once is one call for all of them: what a call costs beside its work is paid once, and so is
 * each write to a counter or a set.
 */

/** What every script begins with. The names of keys are put together where they are used: a function costs more than it says. */
const PRELUDE = `
local call, counters, prefix = redis.call, KEYS[1], ARGV[1]
local copy_key, body_key, index_key = prefix .. ':copy:', prefix .. ':spool:', prefix .. ':mids-of:'
`;

/** Writes to counters and sets that are put together. */
const SUMS = `
local sums = {}
local function count(field, by) sums[field] = (sums[field] or 0) + by end
local function write_counts()
  for field, by in pairs(sums) do if by ~= 0 then call('HINCRBY', counters, field, by) end end
end
local function many(command, name, list)
  for at = 1, #list, 1000 do call(command, name, unpack(list, at, math.min(at + 999, #list))) end
end
`;

const IS_ACTIVE = `
local function is_active(state) return state == 'unattempted' or state == 'attempted' end
`;

/**
 * What an active copy leaves when it is active no more. One that is being attempted was taken by its attempt from the sets
 * of those without a job and of those that wait.
 */
const LEAVING = `
local bodies, idle, left = {}, {}, {}
local function leave(mid, intake, state, is_attempting)
  if not is_attempting then idle[#idle + 1] = mid end
  bodies[#bodies + 1] = body_key .. mid
  local mids = left[intake]
  if mids then mids[#mids + 1] = mid else left[intake] = {mid} end
  count(state .. ':' .. intake, -1)
end
local function write_leaving(keeps_bodies)
  for intake, mids in pairs(left) do
    many('ZREM', prefix .. ':active', mids)
    many('ZREM', prefix .. ':oldest:' .. intake, mids)
  end
  many('ZREM', prefix .. ':unqueued', idle)
  many('ZREM', prefix .. ':later', idle)
  if keeps_bodies then return end
  for at = 1, #bodies, 1000 do call('UNLINK', unpack(bodies, at, math.min(at + 999, #bodies))) end
end
`;

const FORGET = `
local function take_from_index(mid, name)
  local mids = call('GET', name)
  if mids == mid then
    call('UNLINK', name)
  elseif mids then
    local others = string.gsub(' ' .. mids .. ' ', ' ' .. mid .. ' ', ' ', 1)
    call('SET', name, string.sub(others, 2, -2), 'KEEPTTL')
  end
end
local function forget(mid, index)
  call('ZREM', prefix .. ':tracking', mid)
  call('UNLINK', copy_key .. mid)
  if index and index ~= '' then take_from_index(mid, index_key .. index) end
end
`;

/**
 * The MIDs of a Message-ID, the newest last: most have one, for which a set would cost twice as much. Anybody can send the
 * same Message-ID time and again: the oldest of many are left out.
 */
const INDEXING = `
local function add_to_index(mid, name, ends)
  if call('SET', name, mid, 'NX', 'PXAT', ends) then return end
  local mids = call('GET', name)
  if #mids > 3600 then mids = string.match(mids, ' (.*)', #mids - 1800) end
  call('SET', name, mids .. ' ' .. mid, 'PXAT', ends)
end
`;

/**
 * Commits messages, each as a whole or not at all: counts it as seen, its splinters as enqueued or skipped, and makes each
 * copy active. When its copies are known already nothing is done, so that a commit whose answer was lost can be repeated. A
 * MID under which another copy is known was given out twice by a Redis that lost its numbers.
 * ARGV: prefix, now, then per message: number of copies, number of skips, the skips' reasons, and per copy MID, journal id,
 * intake, deadline, time of enqueueing, JSON, hash of the Message-ID, end of its entry there.
 * Answers per message how many splinters were counted as seen, or -MID of the copy that is another's.
 */
export const COMMIT = `${PRELUDE}${SUMS}${INDEXING}
local now = ARGV[2]
local active, unqueued, oldest, answers = {}, {}, {}, {}
local function state_of(first, last)
  for i = first, last, 8 do
    local id = call('HGET', copy_key .. ARGV[i], 'id')
    if id then return id == ARGV[i + 1] and 'known' or ARGV[i] end
  end
end
local function commit_copy(i)
  local mid, intake, deadline, at, index = ARGV[i], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 6]
  call('HSET', copy_key .. mid, 'job', ARGV[i + 5], 'id', ARGV[i + 1], 'intake', intake, 'index', index,
    'state', 'unattempted', 'attempts', '0')
  local size, list = #active, oldest[intake]
  active[size + 1], active[size + 2] = deadline, mid
  unqueued[size + 1], unqueued[size + 2] = now, mid
  if list then
    size = #list
    list[size + 1], list[size + 2] = at, mid
  else
    oldest[intake] = {at, mid}
  end
  if index ~= '' then add_to_index(mid, index_key .. index, ARGV[i + 7]) end
end
local at, seen = 3, 0
while at <= #ARGV do
  local copies, skips = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
  local first = at + 2 + skips
  local last = first + (copies - 1) * 8
  local other = state_of(first, last)
  if not other then
    for i = at + 2, first - 1 do count('skipped:' .. ARGV[i], 1) end
    for i = first, last, 8 do commit_copy(i) end
    seen = seen + skips + copies
    answers[#answers + 1] = skips + copies
  else
    answers[#answers + 1] = other == 'known' and 0 or -tonumber(other)
  end
  at = last + 8
end
many('ZADD', prefix .. ':active', active)
many('ZADD', prefix .. ':unqueued', unqueued)
for intake, list in pairs(oldest) do
  many('ZADD', prefix .. ':tracking', list)
  many('ZADD', prefix .. ':oldest:' .. intake, list)
  count('enqueued:' .. intake, #list / 2)
  count('unattempted:' .. intake, #list / 2)
end
count('seen', seen)
write_counts()
return answers
`;

/**
 * Takes commits back whose jobs could not be queued, or whose MIDs have the bodies of others. ARGV: prefix, `keep` or
 * `forget` for the bodies, MIDs. Answers how many were taken back.
 */
export const WITHDRAW = `${PRELUDE}${SUMS}${LEAVING}${FORGET}
local taken = 0
for i = 3, #ARGV do
  local mid = ARGV[i]
  local state, intake, index = unpack(call('HMGET', copy_key .. mid, 'state', 'intake', 'index'))
  if state == 'unattempted' then
    leave(mid, intake, state, call('ZREM', prefix .. ':attempting', mid) == 1)
    forget(mid, index)
    count('enqueued:' .. intake, -1)
    count('skipped:enqueue-failed', 1)
    taken = taken + 1
  end
end
write_leaving(ARGV[2] == 'keep')
write_counts()
return taken
`;

/**
 * Begins attempts. ARGV: prefix, now, end of the leases, MIDs. Answers per MID a list: the number of failed attempts, and
 * JSON; or the time alone before which it must not be attempted; or nothing, when the copy has its outcome.
 */
export const BEGIN_ATTEMPTS = `${PRELUDE}${SUMS}${IS_ACTIVE}
local now, lease = tonumber(ARGV[2]), ARGV[3]
local attempting, queued, retried, answers = {}, {}, {}, {}
for i = 4, #ARGV do
  local mid = ARGV[i]
  local record, answer = copy_key .. mid, nil
  local state, intake, attempts, json, until_time =
    unpack(call('HMGET', record, 'state', 'intake', 'attempts', 'job', 'until'))
  if not is_active(state) then
    answer = {}
  elseif until_time and tonumber(until_time) > now then
    answer = {until_time}
  else
    if state == 'unattempted' then
      call('HSET', record, 'state', 'attempted')
      count('unattempted:' .. intake, -1)
      count('attempted:' .. intake, 1)
      queued[#queued + 1] = mid
    end
    if until_time then retried[#retried + 1] = mid end
    local size = #attempting
    attempting[size + 1], attempting[size + 2] = lease, mid
    answer = {tonumber(attempts) or 0, json}
  end
  answers[#answers + 1] = answer
end
many('ZADD', prefix .. ':attempting', attempting)
many('ZREM', prefix .. ':unqueued', queued)
many('ZREM', prefix .. ':later', retried)
write_counts()
return answers
`;

/** Makes a lease that runs last longer. ARGV: prefix, MID, end of lease. */
export const EXTEND_LEASE = `${PRELUDE}
return call('ZADD', prefix .. ':attempting', 'XX', 'GT', ARGV[3], ARGV[2])
`;

/** Gives a lease back; a copy that was never tried is unattempted again. ARGV: prefix, MID. */
export const RELEASE_ATTEMPT = `${PRELUDE}${IS_ACTIVE}
local mid, record = ARGV[2], copy_key .. ARGV[2]
local state, intake, attempts = unpack(call('HMGET', record, 'state', 'intake', 'attempts'))
if not is_active(state) then return 0 end
call('ZREM', prefix .. ':attempting', mid)
if state == 'attempted' and tonumber(attempts) == 0 then
  call('HSET', record, 'state', 'unattempted')
  call('HINCRBY', counters, 'attempted:' .. intake, -1)
  call('HINCRBY', counters, 'unattempted:' .. intake, 1)
end
return 1
`;

/**
 * ARGV: prefix, MID, call, attempt, DCID, reason, response, time of the next attempt. Answers 1 to the one call that
 * recorded the attempt.
 */
export const SOFT_BOUNCE = `${PRELUDE}${IS_ACTIVE}
local mid, record = ARGV[2], copy_key .. ARGV[2]
local state, intake, attempts, last = unpack(call('HMGET', record, 'state', 'intake', 'attempts', 'call'))
if last == ARGV[3] then return 1 end
if not is_active(state) or tonumber(attempts) >= tonumber(ARGV[4]) then return 0 end
call('HSET', record, 'attempts', ARGV[4], 'dcid', ARGV[5], 'reason', ARGV[6], 'response', ARGV[7],
  'until', ARGV[8], 'call', ARGV[3])
call('ZREM', prefix .. ':attempting', mid)
call('ZADD', prefix .. ':later', ARGV[8], mid)
call('HINCRBY', counters, 'soft:' .. intake .. ':' .. ARGV[6], 1)
return 1
`;

/**
 * Records outcomes, one per MID; from then on the record lives as long as tracking. ARGV: prefix, now, milliseconds of
 * tracking, then per copy: MID, call, state, DCID, reason, response. Answers per copy 1 to the one call that recorded it,
 * else 0.
 */
export const FINISH = `${PRELUDE}${SUMS}${IS_ACTIVE}${LEAVING}
local now, ends, answers, mids = ARGV[2], string.format('%.0f', ARGV[2] + ARGV[3]), {}, {}
for i = 4, #ARGV, 6 do mids[#mids + 1] = ARGV[i] end
local leases = call('ZMSCORE', prefix .. ':attempting', unpack(mids))
call('ZREM', prefix .. ':attempting', unpack(mids)) -- First of all writes, for it frees memory.
local function record_outcome(i, record, intake, attempts)
  local state, dcid, reason = ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  if dcid == '0' then -- No connection of its own: that of the last attempt stays.
    call('HSET', record, 'state', state, 'at', now, 'attempts', attempts, 'reason', reason,
      'response', ARGV[i + 5], 'call', ARGV[i + 1])
  else
    call('HSET', record, 'state', state, 'at', now, 'attempts', attempts, 'reason', reason,
      'response', ARGV[i + 5], 'call', ARGV[i + 1], 'dcid', dcid)
  end
  call('PEXPIREAT', record, ends)
  count(state == 'hard-bounced' and 'hard:' .. intake .. ':' .. reason or state .. ':' .. intake, 1)
end
for i = 4, #ARGV, 6 do
  local mid, answer = ARGV[i], 0
  local record = copy_key .. mid
  local state, intake, attempts, last = unpack(call('HMGET', record, 'state', 'intake', 'attempts', 'call'))
  if last == ARGV[i + 1] then
    answer = 1
  elseif is_active(state) then
    local is_attempting = leases[#answers + 1]
    leave(mid, intake, state, is_attempting)
    if is_attempting then attempts = attempts + 1 end
    record_outcome(i, record, intake, attempts)
    answer = 1
  end
  answers[#answers + 1] = answer
end
write_leaving()
write_counts()
return answers
`;

/** Active copies past their deadline without a running lease. ARGV: prefix, now, limit. Answers their jobs. */
export const EXPIRED = `${PRELUDE}
local jobs, offset, limit = {}, 0, tonumber(ARGV[3])
while #jobs < limit do
  local due = call('ZRANGEBYSCORE', prefix .. ':active', '-inf', ARGV[2], 'LIMIT', offset, limit)
  if #due == 0 then break end
  for _, mid in ipairs(due) do
    local lease = call('ZSCORE', prefix .. ':attempting', mid)
    local job = call('HGET', copy_key .. mid, 'job')
    if job and #jobs < limit and (not lease or tonumber(lease) <= tonumber(ARGV[2])) then table.insert(jobs, job) end
  end
  offset = offset + #due
end
return jobs
`;

/** Copies committed before a time whose job was never confirmed. ARGV: prefix, time, limit. Answers their jobs. */
export const ORPHANS = `${PRELUDE}
local jobs = {}
for _, mid in ipairs(call('ZRANGEBYSCORE', prefix .. ':unqueued', '-inf', ARGV[2], 'LIMIT', 0, ARGV[3])) do
  local job = call('HGET', copy_key .. mid, 'job')
  if job then table.insert(jobs, job) else call('ZREM', prefix .. ':unqueued', mid) end
end
return jobs
`;

/** Forgets finished copies that are too old or too many. ARGV: prefix, oldest time kept, number kept, batch. */
export const TRIM = `${PRELUDE}${FORGET}
local over = call('ZCARD', prefix .. ':tracking') - tonumber(ARGV[3])
local old = call('ZCOUNT', prefix .. ':tracking', '-inf', '(' .. ARGV[2])
local excess = math.min(math.max(over, old), tonumber(ARGV[4]))
if excess <= 0 then return 0 end
local trimmed = 0
for _, mid in ipairs(call('ZRANGE', prefix .. ':tracking', 0, excess - 1)) do
  if not call('ZSCORE', prefix .. ':active', mid) then
    forget(mid, call('HGET', copy_key .. mid, 'index'))
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
return {call('ZCARD', prefix .. ':active'), call('ZCARD', prefix .. ':attempting'), call('ZCARD', prefix .. ':later'),
  call('ZCOUNT', prefix .. ':later', '-inf', ARGV[2])}
`;

/** How many of the copies are active. ARGV: prefix, MIDs. */
export const COUNT_ACTIVE = `${PRELUDE}
local found = 0
for i = 2, #ARGV do if call('ZSCORE', prefix .. ':active', ARGV[i]) then found = found + 1 end end
return found
`;
