-- end: record a job's last changes, take it out of its queue and let all its keys expire together. Begins with fence.lua.
-- KEYS: 1 the job's hash, 2 the engine's record, 3 the process's queue, 4... the job's error keys: first the new ones, then the old
-- ARGV: 1-3 see fence.lua; 4 the queue's entry, 5 the consumer group, 6 milliseconds to keep the job (0: for ever),
--       7 number h of arguments for the hash, then those (field, value, ...); next: number r of arguments for the record, then those;
--       rest: the error texts, one for each new error key
-- returns: "applied", or one of the fence's refusals
local h = tonumber(ARGV[7])
local r = tonumber(ARGV[8 + h])
hset(KEYS[1], 8, 7 + h)
hset(KEYS[2], 9 + h, 8 + h + r)
redis.call('HSET', KEYS[2], 'owner', ARGV[2] .. ' ' .. ARGV[3])
local texts = 8 + h + r
for i = texts + 1, #ARGV do
  redis.call('SET', KEYS[3 + i - texts], ARGV[i])
end
if ARGV[6] ~= '0' then
  redis.call('PEXPIRE', KEYS[1], ARGV[6])
  redis.call('PEXPIRE', KEYS[2], ARGV[6])
  for i = 4, #KEYS do
    redis.call('PEXPIRE', KEYS[i], ARGV[6])
  end
end
redis.call('XACK', KEYS[3], ARGV[5], ARGV[4])
redis.call('XDEL', KEYS[3], ARGV[4])
return 'applied'
