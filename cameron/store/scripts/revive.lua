-- revive: let a finished job go on: put it back into its queue, to be kept until it has ended again. Begins with writing.lua and fence.lua.
-- KEYS: 1 the job's hash, 2 the engine's record, 3 the process's queue, 4-5 the process's jobs that are scheduled, and of the status in
--       which this one had ended, 6 the process's dead letter, 7 the key's one unfinished job, 8... error keys that count no longer
-- ARGV: 1-3 see fence.lua; 4 the job's member of the sets, 5 now in epoch milliseconds, 6 the job's uuid where its key is unique, else "",
--       7 its entry in the dead letter, or "";
--       8 number h of arguments for the hash, then those (field, value, ...); next: number r of arguments for the record, then those;
--       next: number x of fields to take out of the hash, then those; next: number y of fields to take out of the record, then those;
--       rest: field, value, ... of the queue's new entry
-- returns: "applied"; {"unfinished", uuid} where another job has the key by now; or one of the fence's refusals
if ARGV[6] ~= '' then
  local other = redis.call('GET', KEYS[7])
  if other and other ~= ARGV[6] then return {'unfinished', other} end
  redis.call('SET', KEYS[7], ARGV[6])
end
local h = tonumber(ARGV[8])
local r = tonumber(ARGV[9 + h])
local x = tonumber(ARGV[10 + h + r])
local y = tonumber(ARGV[11 + h + r + x])
local rest = 12 + h + r + x + y
hset(KEYS[1], 9, 8 + h)
hset(KEYS[2], 10 + h, 9 + h + r)
hdel(KEYS[1], 11 + h + r, 10 + h + r + x)
hdel(KEYS[2], 12 + h + r + x, 11 + h + r + x + y)
local entry = redis.call('XADD', KEYS[3], '*', unpack(ARGV, rest))
local owner = ARGV[2] .. ' ' .. ARGV[3]
redis.call('HSET', KEYS[2], 'entry', entry, 'owner', owner, 'released', owner)
redis.call('PERSIST', KEYS[1])
redis.call('PERSIST', KEYS[2])
for i = 8, #KEYS do
  redis.call('DEL', KEYS[i])
end
aside('ZREM', KEYS[5], ARGV[4])
aside('ZADD', KEYS[4], ARGV[5], ARGV[4])
if ARGV[7] ~= '' then
  aside('XDEL', KEYS[6], ARGV[7])
end
return 'applied'
