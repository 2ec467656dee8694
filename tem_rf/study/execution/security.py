"""Encryption between driver, scheduler and workers: whoever reaches a scheduler without it can run any code."""

from distributed.security import Security

from tem_rf.errors import StudyError

LOOPBACK = "127.0.0.1"


def tls_security() -> Security:
    """Certificates from the files that Dask's configuration names (`distributed.comm.tls`), or made for this study.

    Raises:
        StudyError: There are none, and none can be made.
    """
    if has_own_files():
        return Security(require_encryption=True)
    try:
        return Security.temporary()
    except ImportError as error:
        raise StudyError(
            "TLS: making certificates needs the package cryptography; install it with `pip install cryptography`, "
            "or name your own files in Dask's configuration (DASK_DISTRIBUTED__COMM__TLS__CA_FILE and others)."
        ) from error


def has_own_files() -> bool:
    """Whether Dask's configuration names a certificate authority."""
    return Security().tls_ca_file is not None
