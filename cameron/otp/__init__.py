"""Erlang/OTP on Pykka: actors that crash alone, and supervisors that start them again.

Names and rules are OTP's, in Python's spelling; the rules of supervision stand at the top of `supervision.py`. Nothing but Pykka and
the standard library is imported. `probe.py` is for tests of actors.
"""

from cameron.otp import affinity
from cameron.otp.actor import Actor
from cameron.otp.backoff import Backoff
from cameron.otp.calls import (
    ChildFailed,
    ChildStarted,
    StartChild,
    count_children,
    delete_child,
    get_childspec,
    restart_child,
    start_child,
    terminate_child,
    which_children,
)
from cameron.otp.child import BRUTAL_KILL, ChildCount, ChildInfo, ChildSpec, Restart
from cameron.otp.current import zombies
from cameron.otp.dispatcher import Dispatcher
from cameron.otp.dynamic_supervisor import DynamicSupervisor
from cameron.otp.errors import AskRefused, ChildBusy, ChildNotFound, Exit, Ignore, StartFailed
from cameron.otp.names import Address, whereis
from cameron.otp.node import Node
from cameron.otp.partition_supervisor import Partition, PartitionSupervisor, partition_of
from cameron.otp.port import Port
from cameron.otp.port_messages import PortExit, PortInput, PortInputEnd, PortOutput, PortOutputCut
from cameron.otp.reasons import (
    AlreadyPresent,
    AlreadyStarted,
    CannotRun,
    Crash,
    ExitStatus,
    Killed,
    MaxChildren,
    NoProc,
    Normal,
    Reason,
    Restarting,
    Shutdown,
    StartTimeout,
    is_orderly,
)
from cameron.otp.ref import Ref
from cameron.otp.reply import Later, Reply
from cameron.otp.signals import Down, ExitSignal, MonitorId
from cameron.otp.supervision import AutoShutdown, Strategy
from cameron.otp.supervisor import Supervisor
from cameron.otp.thread_actor import ThreadActor
from cameron.otp.timers import Timer, send_after, send_interval
from cameron.otp.tree import TreeNode, tree_of

__all__ = [
    "BRUTAL_KILL",
    "Actor",
    "Address",
    "AlreadyPresent",
    "AlreadyStarted",
    "AskRefused",
    "AutoShutdown",
    "Backoff",
    "CannotRun",
    "ChildBusy",
    "ChildCount",
    "ChildFailed",
    "ChildInfo",
    "ChildNotFound",
    "ChildSpec",
    "ChildStarted",
    "Crash",
    "Dispatcher",
    "Down",
    "DynamicSupervisor",
    "Exit",
    "ExitSignal",
    "ExitStatus",
    "Ignore",
    "Killed",
    "Later",
    "MaxChildren",
    "MonitorId",
    "NoProc",
    "Node",
    "Normal",
    "Partition",
    "PartitionSupervisor",
    "Port",
    "PortExit",
    "PortInput",
    "PortInputEnd",
    "PortOutput",
    "PortOutputCut",
    "Reason",
    "Ref",
    "Reply",
    "Restart",
    "Restarting",
    "Shutdown",
    "StartChild",
    "StartFailed",
    "StartTimeout",
    "Strategy",
    "Supervisor",
    "ThreadActor",
    "Timer",
    "TreeNode",
    "affinity",
    "count_children",
    "delete_child",
    "get_childspec",
    "is_orderly",
    "partition_of",
    "restart_child",
    "send_after",
    "send_interval",
    "start_child",
    "terminate_child",
    "tree_of",
    "whereis",
    "which_children",
    "zombies",
]
