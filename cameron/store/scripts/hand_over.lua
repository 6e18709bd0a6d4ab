-- hand_over: stands before hand_back.lua. Where the other node lives it is given the job's entry, and told; else the job is handed back.
-- KEYS: as hand_back.lua, then 5 the other node's lease, 6 its inbox
-- ARGV: as hand_back.lua, then the job's uuid and the other node
-- returns: as hand_back.lua
local node = table.remove(ARGV)
local uuid = table.remove(ARGV)
if redis.call('EXISTS', KEYS[5]) == 1 and #redis.call('XCLAIM', KEYS[3], ARGV[5], node, 0, ARGV[4], 'JUSTID') == 1 then
  local owner = ARGV[2] .. ' ' .. ARGV[3]
  redis.call('HSET', KEYS[2], 'owner', owner, 'released', owner)
  chronicle(KEYS[4], 6, 7)
  aside('XADD', KEYS[6], 'NOMKSTREAM', '*', 'signal', 'given', 'uuid', uuid)
  return 'applied'
end
