-- callback: keep what came by a task's callback URL in the record, once, and tell the node that holds the job; or, by that node, have
-- none taken any more, as the task's present attempt ends without it.
-- KEYS: 1 the job's hash, 2 the engine's record, 3 the process's queue; and where a node holds the job: 4 its lease, 5 its inbox
-- ARGV: 1 the job's entry, 2 the consumer group, 3 the node that holds it, "" for nobody, 4 the record's field for the callback, 5 the
--       callback, "" for none any more, 6 and 7 the hash's field for the task's status and what it says while a callback is of use,
--       8 a word that is this delivery's alone, rest: field, value, ... for the inbox
-- returns: "told"; "stored" where no node holds the job, or the one that does is dead: whoever runs it next finds the callback;
--       "used" where there was one before; "late" where the task is not what it was; "moved" where somebody else holds the job, or
--       nobody any more; "gone" where there is no such job; "closed" where none is taken any more; "applied" where none will be
local entry = redis.call('HGET', KEYS[2], 'entry')
if not entry then return 'gone' end
local by = ARGV[4] .. '.by'
if (redis.call('HGET', KEYS[2], ARGV[4]) or '') ~= '' then
  if redis.call('HGET', KEYS[2], by) == ARGV[8] then return 'stored' end  -- this very delivery, sent again: its answer was lost
  return 'used'
end
if redis.call('HGET', KEYS[1], ARGV[6]) ~= ARGV[7] then return 'late' end
local task = string.match(ARGV[4], '^(.*)callback$')
local closed = 'closed ' .. (redis.call('HGET', KEYS[2], task .. 'attempts') or '1')  -- another attempt is open to callbacks again
if ARGV[5] ~= '' and redis.call('HGET', KEYS[2], by) == closed then return 'closed' end
if entry ~= ARGV[1] then return 'moved' end  -- it was handed back meanwhile
local pending = redis.pcall('XPENDING', KEYS[3], ARGV[2], ARGV[1], ARGV[1], 1)
local holder = ''
if not pending.err and #pending > 0 then holder = pending[1][2] end  -- an error: no node has read the queue yet
if holder ~= ARGV[3] then return 'moved' end
if ARGV[5] == '' then
  redis.call('HSET', KEYS[2], by, closed)
  return 'applied'
end
redis.call('HSET', KEYS[2], ARGV[4], ARGV[5], by, ARGV[8])
if holder == '' or redis.call('EXISTS', KEYS[4]) == 0 then return 'stored' end
redis.call('XADD', KEYS[5], '*', unpack(ARGV, 9))
return 'told'
