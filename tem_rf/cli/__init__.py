"""The command `tem-rf`: one file per command; each parses, calls one function and prints."""

import io
import sys

from tem_rf.errors import TemRfError


def main() -> None:
    """Run the command line; a failure that the user can fix is one line on stderr and an exit code."""
    from tem_rf.cli.app import app
    from tem_rf.config.machine import apply_choice
    from tem_rf.platforms import notice_on_start

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names may not be valid text in this encoding
    if notice := notice_on_start():
        print(f"tem-rf: {notice}", file=sys.stderr)
    try:
        apply_choice()
        app(prog_name="tem-rf")
    except TemRfError as error:
        from tem_rf.cli.option_names import with_option_names

        print(f"tem-rf: {with_option_names(str(error))}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.stderr.close()  # `tem-rf ... | head` is not a failure
        sys.exit(1)
    except OSError as error:  # a file system error is something the user can fix
        place = "" if error.filename is None else f"{error.filename}: "
        print(f"tem-rf: {place}{error.strerror or error}", file=sys.stderr)
        sys.exit(1)
