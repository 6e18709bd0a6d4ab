-- signal: tell the node that holds a job something about it; the record keeps it for whoever takes the job over.
-- KEYS: 1 the job's hash, 2 the engine's record, 3 the process's queue, 4 the node's lease, 5 its inbox
-- ARGV: 1 the job's entry, 2 the consumer group, 3 the node, 4 and 5 field and value for the record, rest: field, value, ... for the inbox
-- returns: "told"; "moved" where the node does not hold the job any more; "gone" where there is no such job
if redis.call('EXISTS', KEYS[2]) == 0 then return 'gone' end
if #redis.call('XPENDING', KEYS[3], ARGV[2], ARGV[1], ARGV[1], 1, ARGV[3]) == 0 then return 'moved' end
redis.call('HSET', KEYS[2], ARGV[4], ARGV[5])
if redis.call('EXISTS', KEYS[4]) == 1 then
  redis.call('XADD', KEYS[5], '*', unpack(ARGV, 6))
end
return 'told'
