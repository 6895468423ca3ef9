"""The command line as users meet it: verbs, examples, exit codes, messages, settings."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import build

ROOT = Path(__file__).parents[2]
VERBS = {
    "gate",
    "waivers",
    "sbom",
    "release",
    "scan",
    "collect",
    "evaluate",
    "report",
    "check",
    "explain",
    "verify",
    "rules",
    "controls",
    "target",
    "bundle",
    "key",
    "config",
    "schema",
}
GROUPS = {
    "gate": {"init", "accept"},
    "waivers": {"lint", "list", "add"},
    "sbom": {"make", "check", "diff", "matrix", "timeline", "verify"},
    "rules": {"list", "show", "lint", "test"},
    "controls": {"list", "show", "matrix", "conflicts", "import"},
    "target": {"show"},
    "bundle": {"create", "verify"},
    "key": {"generate"},
    "config": {"show"},
}


def assay(
    *arguments: str, env: dict[str, str] | None = None, cwd: Path = ROOT, stdin: bytes = b""
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100", **(env or {})}
    done = subprocess.run(
        [sys.executable, "-m", "scanner.cli.main", *arguments],
        capture_output=True,
        env=environment,
        cwd=cwd,
        input=stdin,
        timeout=120,
    )
    return subprocess.CompletedProcess(done.args, done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(
        tmp_path_factory.mktemp("tree"),
        {
            "etc/os-release": 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian 12"\n',
            "etc/passwd": "root:x:0:0:root:/root:/bin/bash\n",
            "etc/group": "root:x:0:\n",
            "etc/ssh/sshd_config": "PermitRootLogin yes\nPermitEmptyPasswords no\n",
            "usr/sbin/sshd": "x",
            "etc/sysctl.d/90.conf": "kernel.kptr_restrict = 1\n",
        },
    )


@pytest.fixture(scope="module")
def snapshot(tree: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("snapshot") / "s.json"
    assert assay("collect", str(tree), "-o", str(path)).returncode == 0
    return path


@pytest.fixture(scope="module")
def assessment(snapshot: Path) -> Path:
    path = snapshot.parent / "a.json"
    assert assay("evaluate", str(snapshot), "-q", "-o", f"json={path}").returncode in (0, 3)
    return path


def _commands(text: str) -> set[str]:
    return set(re.findall(r"^  ([a-z]+)  ", text.partition("Commands:")[2], re.MULTILINE))


def test_help_shows_exactly_the_verbs() -> None:
    done = assay("--help")
    assert done.returncode == 0
    assert _commands(done.stdout) == VERBS
    assert "3 incomplete" in done.stdout
    assert "--install-completion" in done.stdout


@pytest.mark.parametrize("group", GROUPS)
def test_groups(group: str) -> None:
    done = assay(group, "--help")
    assert done.returncode == 0
    assert _commands(done.stdout) == GROUPS[group]


@pytest.mark.parametrize(
    "words",
    [[verb] for verb in sorted(VERBS - set(GROUPS))]
    + [[group, verb] for group, verbs in GROUPS.items() for verb in sorted(verbs)],
    ids=" ".join,
)
def test_every_command_has_an_example_and_a_sentence(words: list[str]) -> None:
    done = assay(*words, "--help")
    assert done.returncode == 0
    assert "Example: " in done.stdout
    assert f"assay {' '.join(words)}" in done.stdout


def test_completion_is_there() -> None:
    done = assay(
        env={
            "_ASSAY_COMPLETE": "complete_bash",
            "COMP_WORDS": "assay ru",
            "COMP_CWORD": "1",
            "_TYPER_COMPLETE_ARGS": "assay ru",
        }
    )
    assert done.returncode in (0, 2)
    shown = assay("--show-completion", "bash", env={"SHELL": "/bin/bash", "_TYPER_FORCE_DISABLE_TERMINAL": "1"})
    assert "complete" in shown.stdout + shown.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["scan", "/does/not/exist"], 2, "no such file or directory"),
        (["scan", "--profile", "linux-basline"], 2, "did you mean linux-baseline"),
        (["scan", "-o", "docx=x"], 2, "no output format"),
        (["scan", "-o", "html="], 2, "path is missing"),
        (["scan", "--param", "x"], 2, "NAME=VALUE"),
        (["scan", "--clock", "today"], 2, "--clock"),
        (["scan", "--content", "/does/not/exist"], 2, "no content folder"),
        (["scan", "--waivers", "/does/not/exist"], 2, "cannot be read"),
        (["scan", "--nonsense"], 2, "No such option"),
        (["evaluate", "/does/not/exist"], 2, "cannot be read"),
        (["report", "/does/not/exist"], 2, "cannot be read"),
        (["rules", "show", "sshd-root-login"], 2, "did you mean"),
        (["rules", "list", "--framework", "iso"], 2, "no framework"),
        (["controls", "list", "iso"], 2, "no framework"),
        (["controls", "show", "cis-rhel10", "9.9.9.9"], 2, "no control"),
        (["check", "--rule", "nothing-like-it"], 2, "no rule"),
        (["schema", "nothing"], 2, "no schema"),
    ],
)
def test_bad_input_is_one_message_and_the_right_code(arguments: list[str], code: int, says: str) -> None:
    done = assay(*arguments)
    assert done.returncode == code, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_cut_snapshot_says_so(snapshot: Path, tmp_path: Path) -> None:
    whole = snapshot.read_bytes()
    for length in (0, 1, 100, len(whole) // 2, len(whole) - 2):
        cut = tmp_path / "cut.json"
        cut.write_bytes(whole[:length])
        done = assay("evaluate", str(cut))
        assert done.returncode == 2
        assert str(cut) in done.stderr
        assert "Traceback" not in done.stderr


def test_a_changed_snapshot_is_refused(snapshot: Path, tmp_path: Path) -> None:
    document = json.loads(snapshot.read_bytes())
    document["facts"]["os.release"]["value"]["id"] = "almalinux"
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(document))
    done = assay("evaluate", str(changed))
    assert done.returncode == 2
    assert "was changed" in done.stderr


def test_an_empty_snapshot_passes_nothing(snapshot: Path, tmp_path: Path) -> None:
    from scanner.model.snapshot import Snapshot

    document = json.loads(snapshot.read_bytes())
    empty = Snapshot(document["tool"], document["target"], {}, document["limits"], document["run"])
    path = tmp_path / "empty.json"
    path.write_text(json.dumps(empty.to_json()))
    for profile in ("linux-baseline", "velaos", "stig", "cis-l2-server", "pci-dss", "hipaa", "nist-moderate"):
        done = assay("evaluate", str(path), "--profile", profile, "--json")
        assert done.returncode == 3
        counts = json.loads(done.stdout)["completeness"]["counts"]
        assert "pass" not in counts
        assert "not_applicable" not in counts


def test_a_directory_that_is_no_root_tree_is_incomplete(tmp_path: Path) -> None:
    build(tmp_path, {"readme.txt": "hello"})
    done = assay("scan", str(tmp_path))
    assert done.returncode == 3
    assert "INCOMPLETE" in done.stdout


def test_a_foreign_profile_is_incomplete(tree: Path) -> None:
    done = assay("scan", str(tree), "--profile", "velaos", "-q")
    assert done.returncode == 3
    assert "does not fit this target" in done.stderr


def test_the_profile_that_was_chosen_is_said(tree: Path) -> None:
    done = assay("scan", str(tree))
    assert "profile linux-baseline (no profile is written for debian" in done.stderr


def test_check_judges_one_rule_by_either_name(tree: Path) -> None:
    ours = assay("check", "--root", str(tree), "--rule", "sshd-root-login-disabled", "--json")
    public = assay("check", "--root", str(tree), "--rule", "sshd_disable_root_login", "--json")
    result = json.loads(ours.stdout)
    asked = json.loads(public.stdout)
    assert {key: asked[key] for key in ("rule", "status", "evidence")} == {
        key: result[key] for key in ("rule", "status", "evidence")
    }
    # A public id brings what its public rule has built in: here that no later line may say otherwise.
    assert asked["param_sources"]["contradictions"] == "public rule sshd_disable_root_login"
    assert (result["status"], ours.returncode) == ("fail", 0)
    assert result["evidence"][0]["source"] == "/etc/ssh/sshd_config"
    assert result["evidence"][0]["line"] == 1


def test_check_takes_parameters(tree: Path) -> None:
    done = assay(
        "check", "--root", str(tree), "--rule", "sshd-root-login-disabled", "--param", "allowed=no,yes", "--json"
    )
    assert json.loads(done.stdout)["status"] == "pass"
    assert assay("check", "--root", str(tree), "--rule", "sshd-root-login-disabled", "--param", "x=1").returncode == 2


def test_check_with_runtime(tmp_path: Path) -> None:
    whole = {"etc/os-release": "ID=x\n", "usr/bin/true": ""}
    settings = {"etc/sysctl.d/a.conf": "kernel.kptr_restrict = 1\n", "proc/sys/kernel/kptr_restrict": "0\n"}
    build(tmp_path, {**whole, **settings})
    quiet = json.loads(
        assay("check", "--root", str(tmp_path), "--rule", "sysctl_kernel_kptr_restrict", "--json").stdout
    )
    running = json.loads(
        assay("check", "--root", str(tmp_path), "--rule", "sysctl_kernel_kptr_restrict", "--json", "--runtime").stdout
    )
    assert (quiet["status"], quiet["half"]) == ("pass", "persistent half")
    assert (running["status"], running["facets"]) == ("fail", {"persistent": "pass", "runtime": "fail"})


def test_an_unknown_verdict_of_check_is_exit_3(tmp_path: Path) -> None:
    build(tmp_path, {"etc/passwd": ""})
    done = assay(
        "check", "--root", str(tmp_path), "--rule", "sysctl_kernel_kptr_restrict", "--require", "both", "--json"
    )
    assert json.loads(done.stdout)["status"] in ("unknown", "fail")
    assert done.returncode == (3 if json.loads(done.stdout)["status"] == "unknown" else 0)


def test_dry_run_reads_nothing_but_identity(tree: Path) -> None:
    done = assay("scan", str(tree), "--dry-run")
    assert done.returncode == 0
    assert "sshd.options" in done.stdout
    assert "PermitRootLogin" not in done.stdout


def test_scan_of_a_snapshot_equals_evaluate(snapshot: Path) -> None:
    clock = ["--clock", "2026-01-31T00:00:00Z", "--json"]
    assert assay("scan", str(snapshot), *clock).stdout == assay("evaluate", str(snapshot), *clock).stdout


def test_a_profile_narrows_what_is_collected(tree: Path, tmp_path: Path) -> None:
    few, all_of_it = tmp_path / "few.json", tmp_path / "all.json"
    assert assay("collect", str(tree), "--profile", "velaos", "-o", str(few)).returncode == 0
    assert assay("collect", str(tree), "-o", str(all_of_it)).returncode == 0
    narrow, wide = (set(json.loads(path.read_bytes())["facts"]) for path in (few, all_of_it))
    assert len(narrow) < len(wide) / 2
    # What costs more than all the rest is collected only when a profile's rules ask for it.
    assert narrow - wide == {"kernel.modules.signatures"}


def test_report_makes_every_format_later(assessment: Path, tmp_path: Path) -> None:
    done = assay("report", str(assessment), "-o", f"html={tmp_path}/r.html", "-o", f"json={tmp_path}/r.json")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "r.json").read_bytes() == assessment.read_bytes()
    assert "<html" in (tmp_path / "r.html").read_text()


def test_explain_a_rule_and_a_control(assessment: Path, snapshot: Path) -> None:
    done = assay("explain", str(assessment), "sshd-root-login-disabled", "--snapshot", str(snapshot))
    assert done.returncode == 0
    for word in ("expected", "found", "/etc/ssh/sshd_config:1", "sha256", "fact      sshd.options: a table of", "fix"):
        assert word in done.stdout
    control = assay("explain", str(assessment), "cis-rhel10:5.1.20")
    assert "coverage" in control.stdout
    assert assay("explain", str(assessment), "no-such-thing").returncode == 2


def test_waivers_annotate_and_never_change(tree: Path, tmp_path: Path) -> None:
    waivers = tmp_path / "w.yaml"
    waivers.write_text(
        "schema: waivers/v1\nwaivers:\n"
        "  - {id: w1, rule: sshd-root-login-disabled, reason: lab, owner: a@example.org, expires: 2026-12-31}\n"
    )
    done = assay("scan", str(tree), "--waivers", str(waivers), "--clock", "2026-11-20T00:00:00Z", "--json")
    (result,) = [one for one in json.loads(done.stdout)["results"] if one["rule"] == "sshd-root-login-disabled"][:1]
    assert result["status"] == "fail"
    assert result["waiver"]["owner"] == "a@example.org"
    assert result["waiver"]["expired"] is False


def test_settings_and_their_source(tmp_path: Path) -> None:
    config = tmp_path / "assay.toml"
    config.write_text('profile = ["velaos"]\nmin_coverage = 50\n')
    env = {"ASSAY_CONFIG": str(config), "ASSAY_MIN_COVERAGE": "70"}
    shown = json.loads(assay("config", "show", "--json", env=env).stdout)
    assert shown["profile"] == {"value": ["velaos"], "source": f"file {config}"}
    assert shown["min_coverage"] == {"value": 70, "source": "environment ASSAY_MIN_COVERAGE"}
    assert shown["waivers"]["source"] == "default"
    config.write_text("profil = 1\n")
    assert assay("config", "show", env=env).returncode == 2


def test_no_colour_when_not_on_a_terminal(tree: Path) -> None:
    assert "\x1b" not in assay("scan", str(tree), env={"FORCE_COLOR": "1"}).stdout


def test_lists_are_machine_readable() -> None:
    rules = json.loads(assay("rules", "list", "--json").stdout)
    assert {"id", "severity", "title", "upstream", "area"} <= set(rules[0])
    controls = json.loads(assay("controls", "list", "hipaa-164-312", "--json").stdout)
    assert len(controls) == 46
    assert json.loads(assay("controls", "show", "nist-800-53-r5", "AC-6", "--json").stdout)["id"] == "AC-6"
    assert json.loads(assay("schema", "snapshot").stdout)["title"] == "snapshot"


def test_outputs_fit_their_published_schemas(snapshot: Path, assessment: Path) -> None:
    import jsonschema_rs

    for name, path in (("snapshot", snapshot), ("assessment", assessment)):
        schema = json.loads(assay("schema", name).stdout)
        errors = [
            str(error) for error in jsonschema_rs.validator_for(schema).iter_errors(json.loads(path.read_bytes()))
        ]
        assert errors == []


def test_an_own_profile_and_answers(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "our.yaml").write_text(
        "schema: profile/v1\nid: our-pci\ntitle: ours\nextends: [pci-dss]\nrules_out: [password-length]\n"
    )
    (tmp_path / "answers.yaml").write_text(
        "schema: answers/v1\nanswers:\n  - {framework: pci-dss-4, control: '12.1.1', verdict: met, by: a@example.org,"
        " date: 2026-01-01, valid_until: 2026-12-31, statement: It is there.}\n"
    )
    out = tmp_path / "a.json"
    wanted = ("--profile", str(tmp_path / "our.yaml"), "--answers", str(tmp_path / "answers.yaml"))
    html = tmp_path / "a.html"
    done = assay(
        "scan", str(tree), *wanted, "--clock", "2026-06-01T00:00:00Z", "-o", f"json={out}", "-o", f"html={html}"
    )
    assert "our-pci (extends pci-dss)" in done.stdout
    assert "1 answered by a person" in done.stdout
    data = json.loads(out.read_text())
    (control,) = [one for one in data["controls"] if one["id"] == "12.1.1"]
    assert control["status"] == "manual"
    assert control["answered"]["verdict"] == "met"
    assert data["profiles"][0]["left_out"] == ["password-length"]
    assert "met, says a@example.org on 2026-01-01, holds until 2026-12-31: It is there." in html.read_text()


def test_conflicts_name_the_values_and_what_satisfies_them() -> None:
    import jsonschema_rs

    done = assay("controls", "conflicts", "cis-rhel10", "stig-rhel10")
    assert done.returncode == 0
    assert "satisfied by 15 or more" in done.stdout
    assert re.search(r"on \d+ of them no value satisfies all", done.stdout)
    found = json.loads(assay("controls", "conflicts", "--json").stdout)
    assert {one["verdict"] for one in found["conflicts"]} >= {"contradiction", "satisfiable"}
    jsonschema_rs.validate(json.loads(assay("schema", "conflicts").stdout), found)
    assert assay("controls", "conflicts", "nobody").returncode == 2
