-- fence: the beginning of every script by which a job's owner writes. Not a script of its own.
-- KEYS: 2 the engine's record
-- ARGV: 1 the owner that the record must name, 2 the writer ("node claim"), 3 n: the record's owner becomes "node claim n"
-- A write is carried out once and in order: one that was carried out before is answered "applied" again, as its answer may have been
-- lost; "lost" tells the owner that Redis has forgotten some of its writes, "fenced" that the job has another owner now, "gone" that
-- there is no such job.
local function standing()
  local owner = redis.call('HGET', KEYS[2], 'owner')
  if owner == ARGV[1] then return nil end
  if not owner then return 'gone' end
  if owner == '' then return 'lost' end
  local who, n = string.match(owner, '^(.*) (%d+)$')
  if who ~= ARGV[2] then return 'fenced' end
  if tonumber(n) >= tonumber(ARGV[3]) then return 'applied' end
  return 'lost'
end

local refusal = standing()
if refusal then return refusal end
