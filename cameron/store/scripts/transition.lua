-- transition: record what an event changed in a job. Begins with fence.lua.
-- KEYS: 1 the job's hash, 2 the engine's record, 3... the error keys of tasks that have failed
-- ARGV: 1-3 see fence.lua; 4 number h of arguments for the hash, then those (field, value, ...);
--       next: number r of arguments for the record, then those; rest: the error texts, one for each error key
-- returns: "applied", or one of the fence's refusals
local h = tonumber(ARGV[4])
local r = tonumber(ARGV[5 + h])
hset(KEYS[1], 5, 4 + h)
hset(KEYS[2], 6 + h, 5 + h + r)
redis.call('HSET', KEYS[2], 'owner', ARGV[2] .. ' ' .. ARGV[3])
for i = 3, #KEYS do
  redis.call('SET', KEYS[i], ARGV[3 + h + r + i])
end
return 'applied'
