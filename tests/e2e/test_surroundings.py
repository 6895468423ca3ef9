"""Assay where it is not at home: in a hostile folder, with closed streams, with documents that were tampered with."""

import json
import subprocess
from pathlib import Path

import pytest

from scanner import files
from scanner.model.errors import InputError
from tests.e2e.test_cli import ROOT, assay
from tests.support import build

RELEASE = "etc/os-release"
CODE = "raise SystemExit('code of the target ran')\n"


@pytest.fixture(scope="module")
def snapshot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = build(
        tmp_path_factory.mktemp("tree"),
        {RELEASE: "ID=debian\nVERSION_ID=12\n", "etc/passwd": "root:x:0:0::/:/bin/sh\n"},
    )
    path = tmp_path_factory.mktemp("snapshot") / "s.json"
    assert assay("collect", str(tree), "-o", str(path)).returncode == 0
    return path


def test_the_command_runs_no_code_of_the_folder_it_stands_in(tmp_path: Path) -> None:
    line = next(line for line in (ROOT / ".ci/setup").read_text().splitlines() if "scanner.cli.main" in line)
    assert 'python" -P -m scanner.cli.main' in line
    build(tmp_path, {"typer.py": CODE, "scanner/__init__.py": CODE, RELEASE: "ID=x\n"})
    command = ROOT / ".venv/bin/assay"
    if not command.exists():
        pytest.skip("there is no .venv: make dev makes it")
    done = subprocess.run([command, "--version"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout[:6]) == (0, "assay "), done.stderr


def test_settings_inside_the_target_are_refused(tmp_path: Path) -> None:
    tree = build(tmp_path / "tree", {RELEASE: "ID=x\n", "assay.toml": "min_coverage = 0\n"})
    for arguments in (
        ("scan", "."),
        ("scan", str(tree)),
        ("check", "--root", ".", "--rule", "sshd-root-login-disabled"),
    ):
        done = assay(*arguments, cwd=tree)
        assert done.returncode == 2
        assert "part of the target" in done.stderr


@pytest.mark.parametrize("text", ["profile = 5\n", "waivers = [1]\n", "min_coverage = true\n", "clock = 1.5\n"])
def test_settings_of_a_wrong_type_are_a_usage_error(text: str, tmp_path: Path) -> None:
    (tmp_path / "assay.toml").write_text(text)
    done = assay("config", "show", cwd=tmp_path)
    assert done.returncode == 2
    assert "internal" not in done.stderr


def test_an_empty_folder_is_no_system(tmp_path: Path) -> None:
    done = assay("scan", str(tmp_path), "--min-coverage", "0", "--quiet")
    assert done.returncode == 3
    assert "does not say which system it is" in done.stderr


def test_what_the_target_calls_itself_cannot_steer_the_terminal(tmp_path: Path) -> None:
    tree = build(tmp_path, {RELEASE: 'ID="de\x1b[31mbian"\nPRETTY_NAME="\x1b]0;x\x07"\nVERSION_ID="1\x1b[2J"\n'})
    for arguments in (("scan", str(tree)), ("scan", str(tree), "--profile", "stig", "--quiet")):
        done = assay(*arguments)
        assert "\x1b" not in done.stdout + done.stderr
        assert done.returncode == 3


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ('"facts_digest":', '"facts_digest":"x","facts_digest":', "stands twice"),
        ('"duration_ms":', '"duration_ms":NaN,"d":', "NaN"),
        ('"duration_ms":', '"duration_ms":1.5,"d":', "1.5"),
        ('"limits":{', f'"limits":{{"x":{"[" * 400}{"]" * 400},', "s.json"),
    ],
)
def test_a_document_that_readers_would_read_differently_is_refused(
    old: str, new: str, says: str, snapshot: Path, tmp_path: Path
) -> None:
    path = tmp_path / "s.json"
    path.write_text(snapshot.read_text().replace(old, new, 1))
    done = assay("evaluate", str(path))
    assert done.returncode == 2
    assert says in done.stderr


def test_a_control_that_rests_on_no_result_is_refused(snapshot: Path, tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    assay("evaluate", str(snapshot), "--quiet", "-o", f"json={path}")
    document = json.loads(path.read_text())
    one = next(control for control in document["controls"] if control["results"])
    document["results"] = [result for result in document["results"] if result["instance"] not in one["results"]]
    path.write_text(json.dumps(document))
    for arguments in (("report", str(path)), ("explain", str(path), one["id"])):
        done = assay(*arguments)
        assert done.returncode == 2
        assert "not among the results" in done.stderr


def _shell(line: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}
    script = f'set -o pipefail; assay() {{ "{_python()}" -m scanner.cli.main "$@"; }}; {line}'
    return subprocess.run(["bash", "-c", script, "x", *arguments], capture_output=True, env=environment, timeout=120)


def _python() -> str:
    import sys

    return sys.executable


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("assay rules list >&-", 2),
        ("assay rules list >/dev/full", 2),
        ("assay evaluate - <&-", 2),
        ("assay rules list | head -c1", 0),
        ('assay evaluate "$1" --json --quiet --min-coverage 100 | head -c1', 3),
    ],
)
def test_closed_streams_never_change_the_verdict(line: str, code: int, snapshot: Path) -> None:
    done = _shell(line, str(snapshot))
    assert done.returncode == code, done.stderr
    assert b"Traceback" not in done.stderr
    assert b"internal" not in done.stderr


def test_a_closed_stderr_does_not_move_messages_to_stdout(snapshot: Path) -> None:
    done = _shell('assay evaluate "$1" --json 2>&-', str(snapshot))
    json.loads(done.stdout)


def test_a_device_that_never_ends_is_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MAX_INPUT", 1000)
    with pytest.raises(InputError, match="larger than"):
        files.read_bytes(Path("/dev/zero"))


def test_one_bad_path_does_not_lose_the_other_outputs(snapshot: Path, tmp_path: Path) -> None:
    done = assay(
        "evaluate", str(snapshot), "--quiet", "-o", "json=/proc/nope/a.json", "-o", f"table={tmp_path / 't.txt'}"
    )
    assert done.returncode == 2
    assert (tmp_path / "t.txt").stat().st_size > 100


def test_a_cache_that_others_may_write_to_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "assay").mkdir()
    (tmp_path / "assay").chmod(0o777)
    assert files.cache_folder() is None
    (tmp_path / "assay").chmod(0o700)
    assert files.cache_folder() == tmp_path / "assay"
