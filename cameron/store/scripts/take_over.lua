-- take_over: claim a page of the entries of a node whose lease has run out.
-- KEYS: 1 the other node's lease, 2 a process's queue
-- ARGV: 1 the consumer group, 2 the other node, 3 the node that takes over, 4 the most entries to take
-- returns: the entries, as XCLAIM does; nothing where the other node lives or holds no more (its consumer is deleted then)
if redis.call('EXISTS', KEYS[1]) == 1 then return {} end
local ids = {}
for i, pending in ipairs(redis.call('XPENDING', KEYS[2], ARGV[1], '-', '+', ARGV[4], ARGV[2])) do
  ids[i] = pending[1]
end
if #ids == 0 then
  redis.call('XGROUP', 'DELCONSUMER', KEYS[2], ARGV[1], ARGV[2])
  return {}
end
return redis.call('XCLAIM', KEYS[2], ARGV[1], ARGV[3], 0, unpack(ids))
