-- forget: take the entry of a job that has nothing (left) to run out of its queue. Begins with writing.lua.
-- KEYS: 1 the job's hash, 2 the engine's record, 3 the process's queue, 4-6 the process's jobs that are scheduled, running, and by key,
--       7 the key's one unfinished job, 8 the job's events, 9 its session
-- ARGV: 1 the queue's entry, 2 the consumer group, 3 the job's member of the sets, 4 its uuid
-- returns: "applied"
aside('ZREM', KEYS[4], ARGV[3])
aside('ZREM', KEYS[5], ARGV[3])
if redis.call('EXISTS', KEYS[1]) == 0 then  -- somebody has deleted it: nothing that was kept of it is of use
  aside('ZREM', KEYS[6], ARGV[3])
  redis.call('DEL', KEYS[2], KEYS[8], KEYS[9])
  if aside('GET', KEYS[7]) == ARGV[4] then redis.call('DEL', KEYS[7]) end
end
redis.call('XACK', KEYS[3], ARGV[2], ARGV[1])
redis.call('XDEL', KEYS[3], ARGV[1])
return 'applied'
