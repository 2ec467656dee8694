"""Encryption between driver, scheduler and workers; anyone who can reach an unencrypted scheduler can run any code."""

import os
from pathlib import Path

import dask
from distributed.security import Security

from tem_rf.errors import StudyError
from tem_rf.study.definition.untrusted import is_known

LOOPBACK = "127.0.0.1"
_ROLES = ("client", "scheduler", "worker")


def own_security() -> Security | None:
    """Return the certificates given in Dask's configuration (`distributed.comm.tls`); None if there are none."""
    return Security(require_encryption=True) if Security().tls_ca_file is not None else None


def refuse_plain(address: str) -> None:
    """Refuse an unencrypted scheduler on another machine, unless Dask's configuration allows it.

    Args:
        address: Of the scheduler.

    Raises:
        StudyError: `distributed.comm.require-encryption` is not false.
    """
    if not is_known(address) and dask.config.get("distributed.comm.require-encryption") is not False:
        raise StudyError(
            f"{address}: an unencrypted scheduler on another machine lets anyone on its network run commands on this "
            "machine; use TLS and a tls:// address, or, on a network that you trust, set "
            "DASK_DISTRIBUTED__COMM__REQUIRE_ENCRYPTION=False."
        )


def new_security(folder: Path) -> Security:
    """Create certificates for one scheduler, in files that only their owner can read.

    Args:
        folder: Where to write them; every worker must see it.

    Raises:
        StudyError: The package that makes them is missing.
    """
    try:
        made = Security.temporary()
    except ImportError as error:
        raise StudyError(
            "TLS: creating certificates needs the package cryptography; install it with `pip install cryptography`, "
            "or give your own files in Dask's configuration (DASK_DISTRIBUTED__COMM__TLS__CA_FILE and others)."
        ) from error
    folder.mkdir(parents=True, exist_ok=True)
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    _write_private(certificate, made.tls_ca_file)
    _write_private(key, made.tls_client_key)
    files = {f"tls_{role}_{what}": str(file) for role in _ROLES for what, file in (("cert", certificate), ("key", key))}
    return Security(require_encryption=True, tls_ca_file=str(certificate), **files)


def _write_private(file: Path, text: str) -> None:
    file.unlink(missing_ok=True)  # of a driver before, which may have been killed
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as opened:
        opened.write(text)
