-- transition: record what an event changed in a job. Begins with writing.lua and fence.lua.
-- KEYS: 1 the job's hash, 2 the engine's record, 3 the job's events, 4... the error keys of tasks that have failed,
--       and last, where the job begins to run: the process's scheduled jobs, its running jobs
-- ARGV: 1-3 see fence.lua; 4 the job's member of those two sets, "" where it does not begin with this, 5 now in epoch milliseconds,
--       6 "1" where no task is under way afterwards; 7 number h of arguments for the hash, then those (field, value, ...);
--       next: number r of arguments for the record, then those; next: number e of arguments for the events, then those (word, text, ...);
--       rest: the error texts, one for each error key
-- returns: "applied", or one of the fence's refusals
local h = tonumber(ARGV[7])
local r = tonumber(ARGV[8 + h])
local e = tonumber(ARGV[9 + h + r])
hset(KEYS[1], 8, 7 + h)
hset(KEYS[2], 9 + h, 8 + h + r)
local owner = ARGV[2] .. ' ' .. ARGV[3]
redis.call('HSET', KEYS[2], 'owner', owner)
if ARGV[6] == '1' then
  redis.call('HSET', KEYS[2], 'released', owner)
end
local texts = 9 + h + r + e
chronicle(KEYS[3], 10 + h + r, texts)
for i = texts + 1, #ARGV do
  redis.call('SET', KEYS[3 + i - texts], ARGV[i])
end
if ARGV[4] ~= '' then
  aside('ZREM', KEYS[#KEYS - 1], ARGV[4])
  aside('ZADD', KEYS[#KEYS], ARGV[5], ARGV[4])
end
return 'applied'
