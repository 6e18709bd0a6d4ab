-- accept: store a new job and put it into its process's queue, once.
-- KEYS: 1 the job's hash, 2 the engine's record, 3 the process's queue
-- ARGV: 1 number h of arguments for the hash, then those (field, value, ...)
--       next: number r of arguments for the record, then those
--       rest: field, value, ... of the queue's entry
-- returns: "accepted"; "exists" where the job is there already (this very call, sent again)
if redis.call('EXISTS', KEYS[1]) == 1 then
  return 'exists'
end
local h = tonumber(ARGV[1])
local r = tonumber(ARGV[2 + h])
local entry = redis.call('XADD', KEYS[3], '*', unpack(ARGV, 3 + h + r))
redis.call('HSET', KEYS[1], unpack(ARGV, 2, 1 + h))
redis.call('HSET', KEYS[2], 'owner', '', 'entry', entry, unpack(ARGV, 3 + h, 2 + h + r))
return 'accepted'
