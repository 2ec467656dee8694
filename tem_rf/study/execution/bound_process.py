"""Become another command, which the kernel kills as soon as the process that started it is gone.

Run: python bound_process.py PARENT_PID COMMAND...

A file of its own, run with -I -S, so that it costs about 20 ms; the bond outlives `exec`, and needs no code between
fork and exec in a process that has threads. Only Linux has it: elsewhere a run goes on, and its lock keeps others out.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Bind this process to its parent, then become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("The worker ended before the run began.")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
