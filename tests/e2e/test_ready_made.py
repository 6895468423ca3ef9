"""What is ready-made for pipelines: the shell of action.yml, of the GitLab template and of the pre-commit hooks is run as
those would run it, with the surroundings that they set."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from fixtures.targets import velaos
from fixtures.targets.tree import Device, write
from fixtures.targets.velaos.binary import has_policy_compiler
from fixtures.targets.velaos.changes import DEFECTS, apply

ROOT = Path(__file__).parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
GITLAB = yaml.safe_load((ROOT / "ci/gitlab/assay.yml").read_text())[".assay-gate"]
HOOKS = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())

needs_policy = pytest.mark.skipif(not has_policy_compiler(), reason="secilc is not installed: make test installs it")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace: two releases as root trees, the first recorded as the baseline, and the command `assay`."""
    folder = tmp_path_factory.mktemp("ready")
    good = velaos.hardened()
    _release(folder / "work/good", good)
    _release(folder / "work/bad", apply(good, [DEFECTS["velaos.selinux.enforcing"]]))
    (folder / "bin").mkdir()
    command = folder / "bin/assay"
    command.write_text(f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" -P -m scanner.cli.main "$@"\n')
    command.chmod(0o755)
    done = _bash(folder, 'assay gate accept good --baseline baseline.json --by me@example.org --reason "release 1"')
    assert done.returncode == 0, done.stderr
    return folder


def _release(root: Path, device: Device) -> None:
    root.mkdir(parents=True)
    running = ("proc/", "sys/", "run/")
    write(root, {name: node for name, node in device.files.items() if not name.startswith(running)})


def _bash(place: Path, script: str, **surroundings: str) -> subprocess.CompletedProcess[str]:
    """As runners start it: no rc files, stop at the first error, nothing of our own environment."""
    environment = {
        "PATH": f"{place / 'bin'}:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(place),
        "LC_ALL": "C.UTF-8",
        "SOURCE_DATE_EPOCH": "1772442000",
    }
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script]
    return subprocess.run(
        command, cwd=place / "work", env=environment | surroundings, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300
    )  # fmt: skip


def _outputs(path: Path) -> dict[str, str]:
    return dict(line.split("=", 1) for line in path.read_text().splitlines())


# ---- the scripts -----------------------------------------------------------------------------------------------------


def test_shellcheck_finds_nothing() -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed: make test installs it")
    scripts = sorted(str(path) for path in (ROOT / "ci").glob("*.sh"))
    assert len(scripts) == 2
    done = subprocess.run(["shellcheck", *scripts], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "")
    inline = "\n".join(
        [*GITLAB["before_script"], *GITLAB["script"], *(step["run"] for step in ACTION["runs"]["steps"])]
    )
    excluded = "SC2154"  # the variables are the runner's
    done = subprocess.run(
        ["shellcheck", "-s", "bash", "-e", excluded, "-"], input=inline, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "")


@needs_policy
@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ({}, 2, "GATE_TARGET"),
        ({"GATE_TARGET": "missing.img"}, 2, "missing.img"),
        ({"GATE_TARGET": "good", "GATE_OUT": "a\nb"}, 2, "one folder"),
        ({"GATE_TARGET": "good", "GATE_BASELINE": "missing.json"}, 2, "missing.json"),
        ({"GATE_TARGET": "good", "GATE_BASELINE": "baseline.json"}, 0, "GATE MET"),
        ({"GATE_TARGET": "bad", "GATE_BASELINE": "baseline.json"}, 1, "velaos-selinux-enforcing"),
        ({"GATE_TARGET": "bad"}, 1, "velaos-selinux-enforcing"),
        ({"GATE_TARGET": "good", "GATE_BASELINE": "baseline.json", "GATE_PROFILE": "hipaa"}, 3, "judged by"),
    ],
)
def test_the_script_ends_as_the_gate_does(
    given: dict[str, str], code: int, said: str, place: Path, tmp_path: Path
) -> None:
    done = _bash(place, str(ROOT / "ci/gate.sh"), **({"GATE_OUT": str(tmp_path / "out")} | given))
    assert done.returncode == code, done.stdout + done.stderr
    assert said in done.stdout + done.stderr


@needs_policy
def test_evidence_is_gated_without_a_scan(place: Path, tmp_path: Path) -> None:
    """An assessment, a snapshot with a profile, and names with spaces."""
    taken = _bash(
        place, f"assay scan bad -q -o 'json={tmp_path}/an assessment.json' -o 'snapshot={tmp_path}/a snapshot.json'"
    )
    assert taken.returncode == 0, taken.stderr
    for name in ("an assessment.json", "a snapshot.json"):
        out = tmp_path / f"out of {name}"
        given = {"GATE_TARGET": f"{tmp_path}/{name}", "GATE_BASELINE": "baseline.json", "GATE_OUT": str(out)}
        done = _bash(place, str(ROOT / "ci/gate.sh"), **given)
        assert done.returncode == 1, done.stderr
        assert not (out / "assessment.json").exists()
        assert json.loads((out / "gate.json").read_text())["decision"] == "not_met"


@needs_policy
def test_waivers_and_policy_reach_the_gate(place: Path, tmp_path: Path) -> None:
    given = {"GATE_TARGET": "bad", "GATE_BASELINE": "baseline.json", "GATE_OUT": str(tmp_path / "out")}
    policy = "schema: gate-policy/v1\nwarn_on: [regression]\n"
    (place / "work/lenient.yaml").write_text(policy)
    assert _bash(place, str(ROOT / "ci/gate.sh"), GATE_POLICY="lenient.yaml", **given).returncode == 0
    (place / "work/none.yaml").write_text("schema: waivers/v1\nwaivers: []\n")
    done = _bash(place, str(ROOT / "ci/gate.sh"), GATE_WAIVERS="none.yaml\r\nno such file.yaml\r\n", **given)
    assert done.returncode == 2
    assert "no such file.yaml" in done.stderr


def test_set_up_names_the_folder_of_the_command(place: Path, tmp_path: Path) -> None:
    """In a checkout that is set up; `make scan` is the test of setting one up."""
    done = _bash(place, str(ROOT / "ci/setup.sh"))
    assert done.stdout == f"{ROOT}/.venv/bin\n"
    paths = tmp_path / "paths"
    done = _bash(place, f"'{ROOT}/ci/setup.sh'", GITHUB_PATH=str(paths))
    assert (done.stdout, paths.read_text()) == ("", f"{ROOT}/.venv/bin\n")
    assert (ROOT / ".venv/bin/assay").exists()


# ---- GitHub ----------------------------------------------------------------------------------------------------------


def test_no_input_is_written_into_shell() -> None:
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"], "a title of a pull request would be run"
        assert step["shell"] == "bash"
    inputs = set(re.findall(r"inputs\.([a-z-]+)", json.dumps(ACTION["runs"])))
    assert inputs == set(ACTION["inputs"])
    variables = set(ACTION["runs"]["steps"][1]["env"])
    assert variables == set(re.findall(r"^#   (GATE_[A-Z_]+)", (ROOT / "ci/gate.sh").read_text(), re.M))


def _run_action(place: Path, folder: Path, **inputs: str) -> tuple[int, str, dict[str, str]]:
    """The steps of the action, with inputs put in and the files that a runner makes."""
    for name in ("output", "path", "summary"):
        (folder / name).touch()
    surroundings = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_ACTION_PATH": str(ROOT),
        "GITHUB_OUTPUT": str(folder / "output"),
        "GITHUB_PATH": str(folder / "path"),
        "GITHUB_STEP_SUMMARY": str(folder / "summary"),
    }
    given = {name: one.get("default", "") for name, one in ACTION["inputs"].items()} | inputs
    said, code = "", 0
    for step in ACTION["runs"]["steps"]:
        own = {
            name: re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda found: given[found[1]], value)
            for name, value in step.get("env", {}).items()
        }
        done = _bash(place, step["run"], **surroundings, **own)
        said, code = said + done.stdout + done.stderr, done.returncode
        if code:
            break
    return code, said, _outputs(folder / "output")


@needs_policy
def test_a_regression_fails_the_workflow(place: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    code, said, outputs = _run_action(place, tmp_path, target="bad", baseline="baseline.json", output=out)
    assert code == 1
    assert re.search(r"^::error title=[^\n]*velaos-selinux-enforcing", said, re.M)
    assert "velaos-selinux-enforcing" in (tmp_path / "summary").read_text()
    assert outputs == {"exit-code": "1", "folder": out, "decision": "not_met"}
    assert outputs.keys() == ACTION["outputs"].keys()
    expected = "report.html", "assay.sarif", "gate.json", "gate.md", "gate.junit.xml"
    assert all((tmp_path / "out" / name).stat().st_size > 100 for name in expected)
    assert all(name in ACTION["outputs"]["folder"]["description"] for name in expected)


@needs_policy
def test_a_good_release_passes_the_workflow(place: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "out")
    code, said, outputs = _run_action(place, tmp_path, target="good", baseline="baseline.json", output=out)
    assert (code, outputs["decision"], outputs["exit-code"]) == (0, "met", "0")
    assert "::error" not in said


@needs_policy
def test_names_that_are_shell_are_names(place: Path, tmp_path: Path) -> None:
    code, said, outputs = _run_action(place, tmp_path, target="$(touch ran); `touch ran`", output=str(tmp_path / "out"))
    assert code == 2
    assert not (place / "work/ran").exists()
    assert "there is no such file" in said
    assert outputs == {}


# ---- GitLab ----------------------------------------------------------------------------------------------------------


@needs_policy
def test_the_gitlab_template(place: Path, tmp_path: Path) -> None:
    """The template clones this project and runs its script; the clone here is the part of the checkout that it needs."""
    source = tmp_path / "assay.git"
    (source / "ci").mkdir(parents=True)
    for name in ("ci/setup.sh", "ci/gate.sh"):
        shutil.copy2(ROOT / name, source / name)
    (source / ".venv/bin").mkdir(parents=True)
    shutil.copy2(place / "bin/assay", source / ".venv/bin/assay")
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org"]
    for words in (["init", "-q", "-b", "v0.1.0"], ["add", "-A"], ["commit", "-q", "-m", "a"]):
        subprocess.run(
            [*git, *words], cwd=source, check=True, timeout=60, env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)}
        )
    shutil.rmtree(place / "work/.assay", ignore_errors=True)
    variables = {name: str(value) for name, value in GITLAB["variables"].items()}
    variables |= {"ASSAY_REPOSITORY": str(source), "ASSAY_REF": "v0.1.0", "GITLAB_CI": "true", "CI": "true"}
    variables |= {"GATE_TARGET": "bad", "GATE_BASELINE": "baseline.json", "PATH": "/usr/local/bin:/usr/bin:/bin"}
    script = "\n".join([*GITLAB["before_script"], *GITLAB["script"]])
    done = _bash(place, script, **variables)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "velaos-selinux-enforcing" in done.stdout
    for report in GITLAB["artifacts"]["reports"].values():
        path = place / "work" / report.replace("$GATE_OUT", variables["GATE_OUT"])
        assert path.stat().st_size > 100
    quality = json.loads((place / "work/assay-out/gl-code-quality.json").read_text())
    assert "velaos-selinux-enforcing" in [one["check_name"] for one in quality]


# ---- pre-commit ------------------------------------------------------------------------------------------------------

_RULE = """schema: rule/v1
id: agent-key-private
title: The key of the agent is private
severity: high
rationale: Whoever reads it can speak for the device.
check: {fact: "files.entry:/etc/agent.key", has: {owner: "0"}, if_absent: fail}
remediation: {summary: Give it to root., commands: [], disruption: none}
tests:
- {name: private, expect: pass, facts: {"files.entry:/etc/agent.key": {owner: "0"}}}
- {name: not private, expect: fail, facts: {"files.entry:/etc/agent.key": {owner: "7"}}}
- {name: nobody looked, expect: unknown, facts: {}}
"""
_WAIVER = """schema: waivers/v1
waivers:
- {id: w, rule: sshd-root-login-disabled, target: "lab-*", reason: A lab., owner: a@example.org, approver: b@example.org,
   expires: 2026-12-31}
"""


def _hook(name: str) -> dict[str, Any]:
    (found,) = [one for one in HOOKS if one["id"] == name]
    return found


def _commit(place: Path, name: str, *arguments: str, files: tuple[str, ...]) -> subprocess.CompletedProcess[str]:
    """As pre-commit runs it: entry, arguments, and the names of changed files that match unless it wants none."""
    hook = _hook(name)
    matching = [one for one in files if re.search(hook["files"], one)]
    assert matching, "the hook would not run"
    words = [hook["entry"], *arguments, *(shlex.quote(one) for one in matching if hook.get("pass_filenames", True))]
    return _bash(place, " ".join(words))


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("assay-rules-lint", "", "", "0 findings"),
        ("assay-rules-lint", "severity: high", "severity: grave", "severity"),
        ("assay-rules-lint", "files.entry:", "file.entry:", "file.entry"),
        ("assay-rules-test", "", "", "0 wrong"),
        ("assay-rules-test", "expect: fail", "expect: pass", "not private"),
    ],
)
def test_the_hooks_for_rules(name: str, old: str, new: str, said: str, place: Path) -> None:
    path = "company/rules/device/agent-key-private.yaml"
    file = place / "work" / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(_RULE.replace(old, new) if old else _RULE)
    done = _commit(place, name, "--content", "company", files=(path,))
    assert (done.returncode != 0) == bool(old), done.stdout + done.stderr
    assert said in done.stdout + done.stderr


def test_the_hook_for_waivers(place: Path) -> None:
    path = place / "work/waivers.yaml"
    path.write_text(_WAIVER)
    assert _commit(place, "assay-waivers-lint", files=("waivers.yaml",)).returncode == 0
    path.write_text(_WAIVER.replace("2026-12-31", "2026-01-31"))
    done = _commit(place, "assay-waivers-lint", files=("waivers.yaml",))
    assert done.returncode == 1
    assert "expired" in done.stdout + done.stderr


def test_the_hooks_are_as_pre_commit_wants_them() -> None:
    known = {"id", "name", "description", "entry", "language", "files", "pass_filenames"}
    for hook in HOOKS:
        assert {"id", "name", "entry", "language", "files"} <= hook.keys() <= known
        assert hook["language"] == "python"
        assert hook["entry"].split()[0] == "assay"
    assert not re.search(_hook("assay-rules-lint")["files"], "docs/rules.md")
