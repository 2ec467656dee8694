"""Write tem_rf/api.py: the functions of tools/api.py.j2 with the settings of each job as real keyword arguments.

`make api` writes the file; --check reports whether it is up to date.
"""

import subprocess
import sys
import textwrap
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tem_rf.jobs.calibrate import CalibrateRequest
from tem_rf.jobs.evaluate import EvaluateRequest
from tem_rf.jobs.export import ExportRequest, ImportRequest
from tem_rf.jobs.particles import ParticlesRequest
from tem_rf.jobs.prepare import PrepareRequest
from tem_rf.jobs.request import Request, Setting
from tem_rf.jobs.segment import SegmentRequest
from tem_rf.jobs.simulate import SimulateRequest
from tem_rf.jobs.study import StudyRequest
from tem_rf.jobs.train import TrainRequest
from tem_rf.jobs.trust import TrustRequest

ROOT = Path(__file__).parents[1]
API = ROOT / "tem_rf" / "api.py"
REQUESTS: dict[str, type[Request]] = {
    "simulate": SimulateRequest,
    "prepare": PrepareRequest,
    "train": TrainRequest,
    "evaluate": EvaluateRequest,
    "segment": SegmentRequest,
    "particles": ParticlesRequest,
    "trust": TrustRequest,
    "export": ExportRequest,
    "calibrate": CalibrateRequest,
    "import": ImportRequest,
    "study": StudyRequest,
}
_POSITIONAL = ("output", "network", "model")  # in addition to the arguments of the command line
_WIDTH = 120


def api_text() -> str:
    """Return the up-to-date text of tem_rf/api.py.

    Raises:
        RuntimeError: The formatter fails.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
        keep_trailing_newline=True, autoescape=False,
    )  # fmt: skip
    text = environment.get_template("api.py.j2").render(signature=signature, about=about, given=given)
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(API), "-"]
    formatted = subprocess.run(command, input=text, capture_output=True, text=True, check=False, cwd=ROOT)
    if formatted.returncode:
        raise RuntimeError(f"{API}: cannot be formatted: {formatted.stderr}")
    return formatted.stdout


def signature(job: str, **types: str) -> str:
    """Return the parameters of a function: the settings of its job.

    Args:
        job: Name of the job.
        types: Types, with defaults if any, of settings that Python code gives in another form.
    """
    positional: list[str] = []
    named: list[str] = []
    for name, setting in REQUESTS[job].settings().items():
        parameter = f"{name}: {types[name]}" if name in types else f"{name}: {_type(setting)}{_default(setting)}"
        (positional if _is_positional(setting) else named).append(parameter)
    return ", ".join([*positional, *(["*", *named] if named else [])])


def about(job: str, **texts: str) -> str:
    """Return the `Args` section of its docstring, for the settings.

    Args:
        job: Name of the job.
        texts: Descriptions of settings that differ from their help.
    """
    lines = []
    settings = REQUESTS[job].settings()
    for name, setting in sorted(settings.items(), key=lambda one: not _is_positional(one[1])):
        text = f"{name}: {texts.get(name, setting.help)}"
        lines += textwrap.wrap(text, _WIDTH, initial_indent=" " * 8, subsequent_indent=" " * 12)
    return "\n".join(lines).lstrip()


def given(job: str, **values: str) -> str:
    """Return the arguments of `Request.build`.

    Args:
        job: Name of the job.
        values: Expressions for settings that Python code gives in another form.
    """
    return ", ".join(f"{name}={values.get(name, name)}" for name in REQUESTS[job].settings())


def _is_positional(setting: Setting) -> bool:
    return setting.positional is not None or setting.name in _POSITIONAL


def _type(setting: Setting) -> str:
    text = _name(setting.annotation)
    if setting.has_commas:
        text = f"{text} | {_name(get_args(setting.plain_type)[0])}"
    if not setting.is_preset_dependent:
        return text
    return f"{text.removesuffix(' | None')} | Unset{' | None' if setting.is_optional else ''}"


def _default(setting: Setting) -> str:
    if setting.is_required:
        return ""
    if setting.is_preset_dependent:
        return " = UNSET"
    default = setting.own_default
    return f" = {str(default)!r}" if isinstance(default, Path) else f" = {default!r}"


def _name(annotation: Any) -> str:
    """Return a type as Python code; paths may be given as text, tuples as any sequence."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _name(arguments[0])
    if origin in (Union, UnionType):
        return " | ".join(_name(part) for part in arguments)
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, arguments))}]"
    if origin is tuple and arguments[-1] is not Ellipsis:
        return f"tuple[{', '.join(map(_name, arguments))}] | {_name(arguments[0])} | str"
    if origin in (tuple, list):
        return f"Sequence[{_name(arguments[0])}]"
    if origin is dict:
        return f"Mapping[{_name(arguments[0])}, {_name(arguments[1])}]"
    if annotation is Path:
        return "PathLike"
    return "None" if annotation is type(None) else str(annotation.__name__)


def main() -> None:
    """Write the file, or check it."""
    text = api_text()
    if "--check" in sys.argv:
        if API.read_text(encoding="utf-8") != text:
            sys.exit(f"{API.relative_to(ROOT)}: does not match the requests; run `make api`.")
    else:
        API.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
