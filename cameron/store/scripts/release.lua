-- release: put an entry that was claimed, but whose job was not begun, back into the queue.
-- KEYS: 1 the engine's record of the job, 2 the process's queue
-- ARGV: 1 the entry, 2 the consumer group, 3 the node that holds it, rest: field, value, ... of the new entry
-- returns: the new entry's id; nothing where the node does not hold the entry any more
if #redis.call('XPENDING', KEYS[2], ARGV[2], ARGV[1], ARGV[1], 1, ARGV[3]) == 0 then return nil end
redis.call('XACK', KEYS[2], ARGV[2], ARGV[1])
redis.call('XDEL', KEYS[2], ARGV[1])
local entry = redis.call('XADD', KEYS[2], '*', unpack(ARGV, 4))
if redis.call('EXISTS', KEYS[1]) == 1 then
  redis.call('HSET', KEYS[1], 'entry', entry)
end
return entry
