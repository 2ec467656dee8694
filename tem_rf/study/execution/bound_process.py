"""Become another command, which the kernel kills as soon as its parent process ends.

Run: python bound_process.py PARENT_PID COMMAND...

A separate file, run with -I -S so that it takes only about 20 ms. The binding survives `exec`, and needs no code
between fork and exec in a process with threads. It exists on Linux only: elsewhere a run continues, and its lock keeps
other processes out.
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
        sys.exit("The worker ended before the run started.")
    os.execvp(command[0], command)


if __name__ == "__main__":
    main()
