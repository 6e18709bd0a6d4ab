-- accept: store a new job and put it into its process's queue, once. Begins with writing.lua.
-- KEYS: 1 the job's hash, 2 the engine's record, 3 the process's queue, 4 the process's scheduled jobs, 5 its jobs by key,
--       6 what remembers the request's Idempotency-Key, 7 the key's one unfinished job
-- ARGV: 1 the most entries that the queue may have, 2 the job's member of the sets, 3 now in epoch milliseconds,
--       4 what KEYS[6] is to say ("": the request has no Idempotency-Key), 5 milliseconds for which that is remembered,
--       6 the job's uuid where its key is to be unique, else ""
--       7 number h of arguments for the hash, then those (field, value, ...)
--       next: number r of arguments for the record, then those
--       rest: field, value, ... of the queue's entry
-- returns: "accepted"; "exists" where the job is there already (this very call, sent again); {"known", what KEYS[6] says} where a request
--       of that Idempotency-Key was accepted before; {"unfinished", uuid} where another job has the key; {"full", entries in the queue}
if redis.call('EXISTS', KEYS[1]) == 1 then
  return 'exists'
end
if ARGV[4] ~= '' then
  local known = redis.call('GET', KEYS[6])
  if known then return {'known', known} end
end
if ARGV[6] ~= '' then
  local other = redis.call('GET', KEYS[7])
  if other then
    if ARGV[4] ~= '' then  -- the same request is answered the same when that job has ended, too
      redis.call('SET', KEYS[6], other .. string.sub(ARGV[4], 33), 'PX', ARGV[5])
    end
    return {'unfinished', other}
  end
end
local waiting = redis.call('XLEN', KEYS[3])
if waiting >= tonumber(ARGV[1]) then
  return {'full', waiting}
end
local h = tonumber(ARGV[7])
local r = tonumber(ARGV[8 + h])
local entry = redis.call('XADD', KEYS[3], '*', unpack(ARGV, 9 + h + r))
redis.call('HSET', KEYS[1], unpack(ARGV, 8, 7 + h))
redis.call('HSET', KEYS[2], 'owner', '', 'entry', entry, unpack(ARGV, 9 + h, 8 + h + r))
aside('ZADD', KEYS[4], ARGV[3], ARGV[2])
aside('ZADD', KEYS[5], 0, ARGV[2])
if ARGV[4] ~= '' then
  redis.call('SET', KEYS[6], ARGV[4], 'PX', ARGV[5])
end
if ARGV[6] ~= '' then
  redis.call('SET', KEYS[7], ARGV[6])
end
return 'accepted'
