"""`tem-rf serve`: the app in a browser, through an ssh tunnel."""

import secrets
import socket
from pathlib import Path
from typing import Annotated

import typer

from tem_rf.cli.output import print_remark
from tem_rf.errors import SettingsError
from tem_rf.files import no_folder

DEFAULT_PORT = 8765


def serve(
    folder: Annotated[Path, typer.Argument(help="Working folder of the app.")] = Path(),
    port: Annotated[int, typer.Option(min=1, max=65535, help="Port on the loopback address.")] = DEFAULT_PORT,
) -> None:
    """Serve the app to a browser on this machine, or through an ssh tunnel; it listens on 127.0.0.1 only.

    The address contains a token, new each time: anyone who has it can use the app as you. Needs the extra
    `browser`. Ctrl-C ends it; runs and jobs continue.

    Example: tem-rf serve ~/particles
    """
    try:
        from tem_rf_tui.server import LOOPBACK, AppServer
    except ModuleNotFoundError as error:
        raise SettingsError(f"{error.name} is not installed; pip install 'tem-rf[browser]'.") from error
    if not folder.is_dir():
        raise SettingsError(no_folder(folder, "the working folder"))
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise SettingsError(f"`port`: {port} cannot be used ({error.strerror}); choose another.") from error
    server = AppServer(folder.resolve(), port, secrets.token_urlsafe(24))
    print(server.address, flush=True)
    print_remark(f"From another machine, first run there: ssh -N -L {port}:{LOOPBACK}:{port} {socket.gethostname()}")
    print_remark("Ctrl-C ends it; runs and jobs continue.")
    server.serve()
