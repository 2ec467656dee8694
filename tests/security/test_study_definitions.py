"""The definition of a study from somebody else can neither run commands nor write where it likes."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tem_rf.errors import StudyError
from tem_rf.study.definition.definition import read_definition
from tem_rf.study.definition.sections import Space
from tem_rf.study.definition.space import candidates
from tem_rf.study.definition.untrusted import check_execution
from tests.helpers.command import tem_rf

COMMANDS = "could run commands or write files"
NO_RESOURCE = "expected directives that specify resources"
ATTACKS = {
    'slurm = {job_script_prologue = ["touch bait"]}': COMMANDS,
    'slurm = {python = "./evil"}': COMMANDS,
    'slurm = {worker_extra_args = ["--preload", "evil.py"]}': COMMANDS,
    'slurm = {queue = "gpu\\ntouch bait"}': COMMANDS,
    'slurm = {account = "proj --output=/home/me/.bashrc"}': COMMANDS,
    'slurm = {job_mem = "1G --wrap=bait"}': COMMANDS,
    'slurm = {walltime = "1:00\\t--output=.bashrc"}': COMMANDS,
    'slurm = {queue = "", account = "--output=/home/me/.bashrc"}': COMMANDS,  # -p takes the -A for its value
    'slurm = {queue = ["gpu", "--output=.bashrc"]}': COMMANDS,
    'slurm = {job_name = "../../../home/me/bait"}': COMMANDS,
    'slurm = {job_extra_directives = "--output=.bashrc"}': COMMANDS,
    'slurm = {interface = "eth0;touch$IFS/tmp/bait"}': COMMANDS,
    'slurm = {interface = "`./evil`"}': COMMANDS,
    'slurm = {interface = "eth0/../x"}': COMMANDS,
    'slurm = {job_extra_directives = ["--gres=gpu:1\\ntouch bait"]}': NO_RESOURCE,
    'slurm = {job_extra_directives = ["--output=/home/me/.bashrc"]}': NO_RESOURCE,
    'slurm = {job_extra_directives = ["-o .bashrc"]}': NO_RESOURCE,
    'slurm = {job_extra_directives = ["--qos=normal --output=/home/me/.bashrc --open-mode=append"]}': NO_RESOURCE,
    'slurm = {job_extra_directives = ["--exclusive --output=/home/me/.bashrc"]}': NO_RESOURCE,
    'slurm = {job_extra_directives = ["--qos=a", "--out=.bashrc"]}': NO_RESOURCE,
    'scheduler = "tcp://192.0.2.7:8786"': "can run commands on this machine",
    'scheduler = "192.0.2.7:8786"': "can run commands on this machine",
    'scheduler_file = "scheduler.json"': "can run commands on this machine",
}
HARMLESS = [
    'slurm = {queue = "gpu", cores = 4, memory = "16GB", job_extra_directives = ["--gres=gpu:1", "--exclusive"]}',
    'slurm = {account = "nano-em", walltime = "1-04:00:00", interface = "ib0", job_name = "field_1", processes = 1}',
    'slurm = {job_extra_directives = ["--nodelist=node[1-4,7]", "--time=04:00:00", "--constraint=a100"]}',
    'scheduler = "tls://node7:8786"',
    'scheduler = "tcp://127.0.0.1:8786"',
    "workers = 2",
]


def definition(execution: Any) -> str:
    return f'datasets = ["discs"]\n[execution]\n{execution}\n'


@pytest.mark.parametrize("execution", ATTACKS)
def test_a_file_that_names_commands_is_refused(execution: str, tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(definition(execution))
    with pytest.raises(StudyError, match=ATTACKS[execution]) as caught:
        check_execution(read_definition(tmp_path / "study.toml").execution, "study.toml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("execution", HARMLESS)
def test_a_file_that_names_resources_is_accepted(execution: str, tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(definition(execution))
    check_execution(read_definition(tmp_path / "study.toml").execution, "study.toml")


@pytest.mark.parametrize("name", ["field.toml", "study.toml"])
def test_the_command_asks_before_anything_is_made(
    name: str, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).write_text(definition(next(iter(ATTACKS))))
    refused = tem_rf(capfd, monkeypatch, "study", "run", tmp_path / name, "--studies", tmp_path / "studies")
    assert refused.code != 0
    assert "if you trust it, give it as --slurm" in refused.stderr
    assert not (tmp_path / "studies").exists()


@pytest.mark.parametrize("content", ["x = " + "[" * 100_000, "datasets = " + "9" * 5000, "\0"])
def test_toml_made_to_hurt_is_one_line(content: str, tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(content)
    with pytest.raises(StudyError) as caught:
        read_definition(tmp_path / "study.toml")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("depth", [300_000_000, 17, 0])
def test_no_space_is_so_deep_that_counting_its_networks_takes_hours(depth: int, tmp_path: Path) -> None:
    (tmp_path / "study.toml").write_text(f'datasets = ["discs"]\nspace.depths = [{depth}]')
    with pytest.raises(StudyError, match=f"space.depths.0: input should be .* than or equal to 16?, received {depth}"):
        read_definition(tmp_path / "study.toml")


def test_the_field_of_a_network_larger_than_any_micrograph_is_not_computed() -> None:
    manifest: Any = SimpleNamespace(name="discs", patch_size=512, pixel_size_nm=None)
    space = Space(networks=("n9-p222222222-d1000.999.1000.999.1000.999.1000.999.1000.999-k63-c32",))
    with pytest.raises(StudyError, match="has a receptive field smaller than the patch of 512 px"):
        candidates(space, manifest)


def test_names_of_runs_lead_out_of_no_folder(tmp_path: Path) -> None:
    starts = 'start_from = ["..", "../../x", "/a/../b;c", "/model.keras"]'
    (tmp_path / "study.toml").write_text(f'datasets = ["..", "/data/a/../../b c"]\n{starts}')
    for part in read_definition(tmp_path / "study.toml").setups():
        assert (tmp_path / part.name).resolve().parent == tmp_path.resolve()


@pytest.mark.parametrize(
    "options",
    [
        {"account": "proj --output=.bashrc"},
        {"interface": "lo;touch$IFS/tmp/bait"},
        {"job_extra_directives": ["--qos=a --output=.bashrc"]},
    ],
)
def test_what_is_refused_would_reach_the_script_of_a_job(options: dict[str, Any]) -> None:
    slurm = pytest.importorskip("dask_jobqueue.slurm")
    job = slurm.SLURMJob(scheduler="tls://node7:8786", name="0", cores=1, memory="1GB", **options)
    assert any(text in job.job_script() for text in ("--output=.bashrc", "lo;touch$IFS"))
