-- register: put a registered definition into its place, or take it out, if nothing has been changed since all of them were read.
-- KEYS: 1 the registered definitions, 2 the number of changes to them
-- ARGV: 1 that number as it was read, 2 the definition's field, 3 its document ("": it is taken out)
-- returns: the number of changes, this one included; 0 where somebody else has been quicker
if tonumber(redis.call('GET', KEYS[2]) or '0') ~= tonumber(ARGV[1]) then return 0 end
local changes = redis.call('INCR', KEYS[2])
if ARGV[3] == '' then
  redis.call('HDEL', KEYS[1], ARGV[2])
else
  redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
end
return changes
