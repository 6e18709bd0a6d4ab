"""Every Redis key's name, here and nowhere else.

The first two are a contract with operators, who read them with `redis-cli`; the others are the engine's own and stay clear of the
pattern `cameron:process:*`. Every key of a job bears its process's name, so that under Redis Cluster a hash tag put around it here would
keep all of a job in one slot.
"""

GROUP = "cameron"  # the consumer group of every queue
QUEUES = "cameron:queues"  # set: the names of the processes that have, or had, a queue


def job(process: str, key: str, uuid: str) -> str:
    """Hash: the job as documented; uuid is 32 lowercase hex digits."""
    return f"cameron:process:{process}:key:{key}:job:{uuid}"


def task_error(job_key: str, task: str) -> str:
    """String: the text of a task's error; `job_key` is the key of the job's hash."""
    return f"{job_key}:{task}:error"


def record(process: str, uuid: str) -> str:
    """Hash: what the engine needs of a job besides its documented hash."""
    return f"cameron:record:{process}:{uuid}"


def queue(process: str) -> str:
    """Stream: the process's jobs that wait or run; an entry stays pending while its job runs."""
    return f"cameron:queue:{process}"


def dead(process: str) -> str:
    """Stream: entries of the process's queue whose jobs could not be run, nor be ended as jobs are; for operators."""
    return f"cameron:queue:{process}:dead"


def definition(process: str, digest: str) -> str:
    """String: a definition's document as JSON, for the jobs that started with it."""
    return f"cameron:definition:{process}:{digest}"


def node(name: str) -> str:
    """String with a time to live: the node's lease."""
    return f"cameron:node:{name}"
