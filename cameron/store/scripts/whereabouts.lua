-- whereabouts: where an entry of a queue is. Writes nothing.
-- KEYS: 1 the process's queue
-- ARGV: 1 the consumer group, 2 the entry, 3 the most entries to count
-- returns: {"held", node}; {"waiting", how many entries before it are given to nobody either}; {"missing"}
local pending = redis.pcall('XPENDING', KEYS[1], ARGV[1], ARGV[2], ARGV[2], 1)
if not pending.err and #pending > 0 then return {'held', pending[1][2]} end  -- an error: there is no such group yet
if #redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2]) == 0 then return {'missing'} end
local last = '0-0'
for _, group in ipairs(redis.call('XINFO', 'GROUPS', KEYS[1])) do
  local about = {}
  for i = 1, #group, 2 do about[group[i]] = group[i + 1] end
  if about['name'] == ARGV[1] then last = about['last-delivered-id'] end
end
return {'waiting', #redis.call('XRANGE', KEYS[1], '(' .. last, '(' .. ARGV[2], 'COUNT', ARGV[3])}
