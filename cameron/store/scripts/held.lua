-- held: stands before end.lua for a job that its node holds but cannot read. Not a script of its own.
-- KEYS: 1 the job's hash, 2 the engine's record, 3 the process's queue. ARGV: 2 the node, 4 the job's entry, 5 the consumer group
-- "fenced" tells that the node does not hold the entry (any more).
if #redis.call('XPENDING', KEYS[3], ARGV[5], ARGV[4], ARGV[4], 1, ARGV[2]) == 0 then return 'fenced' end
for i = 1, 2 do  -- what somebody has put in their place may be why it cannot be read
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind ~= 'hash' and kind ~= 'none' then redis.call('DEL', KEYS[i]) end
end
