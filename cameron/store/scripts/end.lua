-- end: record a job's last changes, take it out of its queue and let all its keys expire together. Begins with writing.lua and, as `end`
-- (by its owner), with fence.lua; as `end_queued` (while it waits), with fence.lua and queued.lua; as `end_held` (where its node cannot
-- read it), with held.lua.
-- KEYS: 1 the job's hash, 2 the engine's record, 3 the process's queue, 4-6 the process's jobs that are scheduled, running, and of the
--       status in which this one ends, 7 the process's dead letter, 8 the key's one unfinished job, 9 where the job's events are
--       copied to for a moment, 10 its events, 11 its session, 12... its error keys: first the new ones, then the old
-- ARGV: 1-3 see fence.lua; 4 the queue's entry, 5 the consumer group, 6 milliseconds to keep the job (0: for ever), 7 the job's member of
--       the sets, 8 now in epoch milliseconds, 9 the job's uuid where its key is unique, else "";
--       10 number d of arguments for an entry of the dead letter (0: none), then those (field, value, ...);
--       next: number h of arguments for the hash, then those; next: number r of arguments for the record, then those;
--       next: number e of arguments for the events, then those (word, text, ...);
--       rest: the error texts, one for each new error key
-- returns: "applied", or one of the refusals of what it begins with
local d = tonumber(ARGV[10])
local h = tonumber(ARGV[11 + d])
local r = tonumber(ARGV[12 + d + h])
local e = tonumber(ARGV[13 + d + h + r])
hset(KEYS[1], 12 + d, 11 + d + h)
hset(KEYS[2], 13 + d + h, 12 + d + h + r)
redis.call('HSET', KEYS[2], 'owner', ARGV[2] .. ' ' .. ARGV[3])
if d > 0 then
  local id = aside('XADD', KEYS[7], '*', unpack(ARGV, 11, 10 + d))
  if type(id) == 'string' then redis.call('HSET', KEYS[2], 'dead', id) end
end
local texts = 13 + d + h + r + e
chronicle(KEYS[10], 14 + d + h + r, texts)
-- A stream takes 4 KB as soon as there is anything in it; a copy of it takes what is in it, mostly a third of that, and costs 4 us.
local entries = aside('XLEN', KEYS[10])
if type(entries) == 'number' and entries <= 100 and aside('COPY', KEYS[10], KEYS[9]) == 1 then
  aside('RENAME', KEYS[9], KEYS[10])
end
for i = texts + 1, #ARGV do
  redis.call('SET', KEYS[11 + i - texts], ARGV[i])
end
if ARGV[6] ~= '0' then
  redis.call('PEXPIRE', KEYS[1], ARGV[6])
  redis.call('PEXPIRE', KEYS[2], ARGV[6])
  for i = 10, #KEYS do
    redis.call('PEXPIRE', KEYS[i], ARGV[6])
  end
end
aside('ZREM', KEYS[4], ARGV[7])
aside('ZREM', KEYS[5], ARGV[7])
aside('ZADD', KEYS[6], ARGV[8], ARGV[7])
if ARGV[9] ~= '' and aside('GET', KEYS[8]) == ARGV[9] then
  redis.call('DEL', KEYS[8])
end
redis.call('XACK', KEYS[3], ARGV[5], ARGV[4])
redis.call('XDEL', KEYS[3], ARGV[4])
return 'applied'
