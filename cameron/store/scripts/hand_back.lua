-- hand_back: put a job that its owner cannot finish back into the queue, for any node to go on with. Begins with writing.lua and fence.lua.
-- KEYS: 1 the job's hash (not touched), 2 the engine's record, 3 the process's queue, 4 the job's events
-- ARGV: 1-3 see fence.lua; 4 the queue's entry, 5 the consumer group, 6 and 7 a word and its text for the events,
--       rest: field, value, ... of the new entry
-- returns: "applied", or one of the fence's refusals
local entry = redis.call('XADD', KEYS[3], '*', unpack(ARGV, 8))
local owner = ARGV[2] .. ' ' .. ARGV[3]
redis.call('HSET', KEYS[2], 'entry', entry, 'owner', owner, 'released', owner)
chronicle(KEYS[4], 6, 7)
redis.call('XACK', KEYS[3], ARGV[5], ARGV[4])
redis.call('XDEL', KEYS[3], ARGV[4])
return 'applied'
