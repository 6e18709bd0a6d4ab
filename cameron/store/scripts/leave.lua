-- leave: take a node's consumer out of a queue, unless it holds something: what a consumer holds goes with it.
-- KEYS: 1 a process's queue
-- ARGV: 1 the consumer group, 2 the node
-- returns: 1 where the consumer is gone, 0 where it holds something
if #redis.call('XPENDING', KEYS[1], ARGV[1], '-', '+', 1, ARGV[2]) > 0 then return 0 end
redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], ARGV[2])
return 1
