-- revive: let a finished job go on: put it back into its queue, to be kept until it has ended again. Begins with writing.lua and fence.lua.
-- KEYS: 1 the job's hash, 2 the engine's record, 3 the process's queue, 4-5 the process's jobs that are scheduled, and of the status in
--       which this one had ended, 6 the process's dead letter, 7 the key's one unfinished job, 8 the job's events, 9 its session,
--       10... error keys that count no longer
-- ARGV: 1-3 see fence.lua; 4 the job's member of the sets, 5 now in epoch milliseconds, 6 the job's uuid where its key is unique, else "",
--       7 its entry in the dead letter, or "", 8 and 9 a word and its text for the events;
--       10 number h of arguments for the hash, then those (field, value, ...); next: number r of arguments for the record, then those;
--       next: number x of fields to take out of the hash, then those; next: number y of fields to take out of the record, then those;
--       rest: field, value, ... of the queue's new entry
-- returns: "applied"; {"unfinished", uuid} where another job has the key by now; or one of the fence's refusals
if ARGV[6] ~= '' then
  local other = redis.call('GET', KEYS[7])
  if other and other ~= ARGV[6] then return {'unfinished', other} end
  redis.call('SET', KEYS[7], ARGV[6])
end
local h = tonumber(ARGV[10])
local r = tonumber(ARGV[11 + h])
local x = tonumber(ARGV[12 + h + r])
local y = tonumber(ARGV[13 + h + r + x])
local rest = 14 + h + r + x + y
hset(KEYS[1], 11, 10 + h)
hset(KEYS[2], 12 + h, 11 + h + r)
hdel(KEYS[1], 13 + h + r, 12 + h + r + x)
hdel(KEYS[2], 14 + h + r + x, 13 + h + r + x + y)
chronicle(KEYS[8], 8, 9)
local entry = redis.call('XADD', KEYS[3], '*', unpack(ARGV, rest))
local owner = ARGV[2] .. ' ' .. ARGV[3]
redis.call('HSET', KEYS[2], 'entry', entry, 'owner', owner, 'released', owner)
for _, i in ipairs({1, 2, 8, 9}) do
  redis.call('PERSIST', KEYS[i])
end
for i = 10, #KEYS do
  redis.call('DEL', KEYS[i])
end
aside('ZREM', KEYS[5], ARGV[4])
aside('ZADD', KEYS[4], ARGV[5], ARGV[4])
if ARGV[7] ~= '' then
  aside('XDEL', KEYS[6], ARGV[7])
end
return 'applied'
