"""Lock open files between processes."""

import errno
import os
from typing import BinaryIO


def lock(file: BinaryIO | int, *, is_shared: bool = False, wait: bool = False) -> bool:
    """Lock a file until it is closed. The operating system releases the lock when the process ends, even if killed.

    Linux and macOS lock by `flock`, which NFS 4 and Lustre pass on to the server.

    Args:
        file: An open file, or the descriptor of a file or folder.
        is_shared: Take a lock that other processes can share; the file may be open for reading only.
        wait: Wait while another process holds the lock.

    Returns:
        Whether the file is locked now; False: another process holds the lock.

    Raises:
        OSError: The file system or the operating system has no such locks.
    """
    try:
        from portalocker import AlreadyLocked, LockException, LockFlags
        from portalocker import lock as lock_file
    except ImportError as error:  # portalocker needs `fcntl`, or `msvcrt` on Windows
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK)) from error
    kind = LockFlags.SHARED if is_shared else LockFlags.EXCLUSIVE
    try:
        lock_file(file, kind if wait else kind | LockFlags.NON_BLOCKING)
    except AlreadyLocked:
        return False
    except LockException as error:
        cause = error.__cause__
        raise cause if isinstance(cause, OSError) else OSError(errno.ENOLCK, str(error)) from error
    return True
