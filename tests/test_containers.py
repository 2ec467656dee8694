"""The container definitions copy files that exist and install extras that exist; no container engine is needed."""

import re
import shlex
import tomllib

from tests.helpers.repository import ROOT

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
APPTAINER = (ROOT / "apptainer.def").read_text(encoding="utf-8")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
INSTRUCTIONS = {"FROM", "WORKDIR", "COPY", "RUN", "ENV", "ENTRYPOINT", "CMD"}


def section(name: str) -> list[str]:
    return re.search(rf"^%{name}\n(.*?)(?=^%|\Z)", APPTAINER, re.MULTILINE | re.DOTALL)[1].strip().splitlines()


def test_docker_copies_what_exists_and_nothing_else_is_sent_to_it() -> None:
    lines = [line for line in DOCKERFILE.splitlines() if line and not line.startswith("#")]
    assert {line.split()[0] for line in lines} == INSTRUCTIONS
    copied = {name for line in lines if line.startswith("COPY ") for name in line.split()[1:-1]}
    assert [name for name in copied if not (ROOT / name).exists()] == []
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line[0] == "!"}
    assert sent == copied


def test_apptainer_copies_what_exists() -> None:
    pairs = [line.split() for line in section("files")]
    assert [source for source, target in pairs if not (ROOT / source).exists() or target != f"/source/{source}"] == []
    assert {"tem_rf", "tui", "saved_models", "pyproject.toml", "setup.py"} <= {source for source, _ in pairs}
    for name in ("post", "runscript", "test"):
        assert all(shlex.split(line) for line in section(name))


def test_both_install_the_gpu_build_and_extras_that_exist() -> None:
    for text in (DOCKERFILE, APPTAINER):
        extras = set(re.search(r"\[(gpu,[\w,]+)\]", text)[1].split(","))
        assert extras <= set(PROJECT["optional-dependencies"])
        assert "--constraint" in text
        version = re.search(r"python:(\d+\.\d+)-slim", text)[1]
        assert f"Programming Language :: Python :: {version}" in PROJECT["classifiers"]


def test_what_the_build_reads_is_copied() -> None:
    needed = {PROJECT["readme"], *PROJECT["license-files"], "setup.py", "pyproject.toml", "constraints.txt"}
    assert needed <= set(DOCKERFILE.split())
    assert needed <= {line.split()[0] for line in section("files")}


def test_packages_of_the_user_do_not_replace_those_of_the_container() -> None:
    environment = {line.strip() for line in section("environment")}
    assert {"export PYTHONNOUSERSITE=1", "unset PYTHONPATH PYTHONHOME"} <= environment


def test_the_pages_start_the_container_as_the_definitions_say() -> None:
    for file, page in (("Dockerfile", "gpus.md"), ("apptainer.def", "slurm.md")):
        comments = re.findall(r"^#   (.*)$", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE)
        shown = (ROOT / "docs" / "how-to" / page).read_text(encoding="utf-8")
        assert len(comments) == 2
        assert [command for command in comments if command not in shown] == []
