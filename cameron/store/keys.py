"""Every Redis key's name, here and nowhere else.

The first three are a contract with operators, who read them with `redis-cli`; the others are the engine's own and stay clear of the
pattern `cameron:process:*`. Every key of a job bears its process's name, so that under Redis Cluster a hash tag put around it here would
keep all of a job in one slot.

A process outside the main name space is called `space:name` (`core.process.in_space`), and its queue stands among the keys that its
dialect documents; no plain name holds a colon or a slash.
"""

GROUP = "cameron"  # the consumer group of every queue
QUEUES = "cameron:queues"  # set: the names of the processes that have, or had, a queue
PROBE = "cameron:probe"  # string: what is written to see whether Redis writes, and to have something to be waited for until it is fsynced
NODES = "cameron:nodes"  # set: the names of the nodes that live, or died and still hold jobs
REGISTERED = "cameron:registered"  # hash: `{dialect} {kind} {name}` -> the document as JSON, of what is registered over HTTP
REGISTERED_VERSION = "cameron:registered:version"  # string: how often that hash has been changed
SECRET = "cameron:secret"  # string: what all nodes sign with, and nobody else can


def misplaced(key: str) -> str:
    """Anything: what stood at one of those keys by somebody's slip, and was moved aside."""
    return f"{key}:misplaced"


def job(process: str, key: str, uuid: str) -> str:
    """Hash: the job as documented; uuid is 32 lowercase hex digits."""
    return f"cameron:process:{process}:key:{key}:job:{uuid}"


def job_in(space: str, name: str, noun: str, uuid: str) -> str:
    """Hash: a job of the process of that plain name in that name space, which calls its jobs by that noun."""
    return f"cameron:{space}:{name}:{noun}:{uuid}"


def task_error(job_key: str, task: str) -> str:
    """String: the text of a task's error; `job_key` is the key of the job's hash."""
    return f"{job_key}:{task}:error"


def record(process: str, uuid: str) -> str:
    """Hash: what the engine needs of a job besides its documented hash."""
    return f"cameron:record:{process}:{uuid}"


def events(process: str, uuid: str) -> str:
    """Stream: what has happened in the job and what was decided, an entry for each write, as words and texts (see `core.history`)."""
    return f"cameron:events:{process}:{uuid}"


def events_copy(process: str, uuid: str) -> str:
    """Where they are while they are made smaller, within one script."""
    return f"{events(process, uuid)}:copy"


def session(process: str, uuid: str) -> str:
    """Hash: the strings that the job's Python activities share."""
    return f"{record(process, uuid)}:session"


def queue(process: str) -> str:
    """Stream: the process's jobs that wait or run; an entry stays pending while its job runs."""
    return f"cameron:{process}:queue:incoming" if ":" in process else f"cameron:queue:{process}"


def dead(process: str) -> str:
    """Stream, the dead letter: the process's jobs that were given up as whoever ran them crashed again and again."""
    return f"cameron:{process}:queue:dead" if ":" in process else f"cameron:queue:{process}:dead"


def jobs(process: str, status: str) -> str:
    """Sorted set: the process's jobs of that status, as `job_member`s; the score is the epoch millisecond at which they came to it."""
    return f"cameron:jobs:{process}:{status}"


def jobs_by_key(process: str) -> str:
    """Sorted set, all scores 0, so that it is sorted by key and time of acceptance: all the process's jobs, as `job_member`s."""
    return f"cameron:jobs:{process}:key"


def job_member(key: str, accepted_ms: int, uuid: str) -> str:
    """A job in those sets. A key holds no control characters, so the tabs tell the parts; 13 digits last until the year 2286."""
    return f"{key}\t{accepted_ms:013d}\t{uuid}"


def unique(process: str, key: str) -> str:
    """String: the uuid of the one unfinished job of that key, where the process wants them unique."""
    return f"cameron:unique:{_told_apart(process)}:{key}"


def idempotency(process: str, token: str) -> str:
    """String with a time to live: `{uuid} {digest of the request} {key}` of the job that was started with that Idempotency-Key."""
    return f"cameron:idempotency:{_told_apart(process)}:{token}"


def definition(process: str, digest: str) -> str:
    """String: a definition's document as JSON, for the jobs that started with it."""
    return f"cameron:definition:{process}:{digest}"


def node(name: str) -> str:
    """String with a time to live: the node's lease."""
    return f"cameron:node:{name}"


def inbox(node: str) -> str:
    """Stream, consumer group `cameron`: what others have to tell the node, such as that a job of its is to be cancelled."""
    return f"cameron:node:{node}:inbox"


def _told_apart(process: str) -> str:
    """The name before a text of a client's: key `b:c` of process `a` is not key `c` of process `a:b`."""
    return process.replace(":", "/")
