"""Run by path in a fresh interpreter: ties the process to its parent's life, then becomes the command given.

`spawn.py PARENT_PID COMMAND ARGUMENT ...`. Linux only. Imports nothing of the project: it must start in milliseconds.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Ask the kernel to kill this process when its parent dies, and replace it by the command.

    The request outlives exec. The kernel takes the *thread* that started this process for the parent, so the broker
    must be started from a thread that lives as long as the program: the event loop's, not a worker's.
    """
    parent, command = int(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("parent died before the broker started")  # no signal will come any more
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
