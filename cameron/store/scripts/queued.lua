-- queued: stands before end.lua for a job that is ended while it waits. Not a script of its own.
-- KEYS: 3 the process's queue. ARGV: 4 the job's entry, 5 the consumer group
-- "taken" tells that a node has been given the entry: whoever holds it is to be asked.
local pending = redis.pcall('XPENDING', KEYS[3], ARGV[5], ARGV[4], ARGV[4], 1)
if not pending.err and #pending > 0 then return 'taken' end  -- an error: no node has read the queue yet
