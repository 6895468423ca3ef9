"""`assay gate`, `gate init`, `gate accept` and `assay waivers` as a user runs them."""

import json
import shutil
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from tests.e2e.test_cli import ROOT, assay
from tests.unit.supply_chain.signing.layout_lab import Key, claim, make_layout, simple

CLOCK = ("--clock", "2026-03-01T00:00:00Z")
NAMES = ("velaos-hardened", "velaos-weak")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The frozen evidence of two devices, and the assessments of it."""
    folder = tmp_path_factory.mktemp("gate")
    for name in NAMES:
        shutil.copy(ROOT / f"fixtures/evidence/{name}.json", folder / f"{name}.snapshot.json")
        words = ("evaluate", str(folder / f"{name}.snapshot.json"), "--profile", "velaos", *CLOCK, "-q")
        assert assay(*words, "-o", f"json={folder / name}.json").returncode in (0, 3)
    return folder


def packed(folder: Path, assessment: str, output: str, snapshot: str, *more: str) -> None:
    words = ("--snapshot", str(folder / f"{snapshot}.snapshot.json"), "--key", str(folder / "vendor.key"))
    done = assay("bundle", "create", assessment, *words, "--report", "json", "-o", output, *more, *CLOCK)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def bundles(lab: Path) -> Path:
    """Each in a signed bundle; that of the weak device follows the other."""
    for name in ("vendor", "other"):
        assert assay("key", "generate", "--output-prefix", str(lab / name), "--no-password").returncode == 0
    for name in NAMES:
        chain = ("--previous", str(lab / f"{NAMES[0]}.zip")) if name == NAMES[1] else ()
        packed(lab, str(lab / f"{name}.json"), str(lab / f"{name}.zip"), name, *chain)
    return lab


@pytest.fixture(scope="module")
def old(lab: Path) -> str:
    return str(lab / f"{NAMES[0]}.json")


@pytest.fixture(scope="module")
def new(lab: Path) -> str:
    return str(lab / f"{NAMES[1]}.json")


def rules(done: Any, klass: str = "regression") -> set[str]:
    return {one["rule"] for one in json.loads(done.stdout)["differences"] if one["class"] == klass}


def test_a_weak_release_does_not_pass(old: str, new: str) -> None:
    done = assay("gate", new, "--baseline", old, *CLOCK)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0].startswith("GATE NOT MET: The release does not pass: ")
    assert "regressions" in lines[0]
    assert "→ fail" in lines[1]
    assert assay("gate", old, "--baseline", old, *CLOCK).returncode == 0


def test_every_kind_of_argument_gives_the_same_differences(bundles: Path, lab: Path, old: str, new: str) -> None:
    baseline = str(lab / "baseline.json")
    who = ("--by", "a@example.org", "--reason", "release 2.4")
    assert assay("gate", "accept", old, "--baseline", baseline, *who, *CLOCK).returncode == 0
    forms = {
        "assessment": (new, old),
        "baseline": (new, baseline),
        "snapshot": (str(lab / "velaos-weak.snapshot.json"), str(lab / "velaos-hardened.snapshot.json")),
        "bundle": (str(lab / "velaos-weak.zip"), str(lab / "velaos-hardened.zip")),
    }
    found = {}
    for name, (after, before) in forms.items():
        done = assay("gate", after, "--baseline", before, "--json", "-q", *CLOCK)
        assert done.returncode == 1, done.stderr
        document = json.loads(done.stdout)
        assert document["baseline"]["source"] == name
        found[name] = [(one["name"], one["class"], one["action"]) for one in document["differences"]]
        schema = json.loads(assay("schema", "gate").stdout)
        assert list(jsonschema_rs.validator_for(schema).iter_errors(document)) == []
    assert len(found["assessment"]) > 20
    assert all(one == found["assessment"] for one in found.values())


def test_bundles_are_verified_when_somebody_is_named(bundles: Path) -> None:
    lab = bundles
    after, before = (str(lab / f"{name}.zip") for name in reversed(NAMES))
    done = assay("gate", after, "--baseline", before, "--key", str(lab / "vendor.pub"), *CLOCK)
    assert done.returncode == 1
    assert "verified: signed by" in done.stdout
    assert f"{after} follows {before} in its chain" in done.stderr
    unnamed = assay("gate", after, "--baseline", before, *CLOCK)
    assert "NOT verified" in unnamed.stdout
    wrong = assay("gate", after, "--baseline", before, "--key", str(lab / "other.pub"), *CLOCK)
    assert (wrong.returncode, wrong.stdout) == (4, "")
    assert "does not verify: signature" in wrong.stderr


def test_a_side_that_is_not_signed_is_not_taken_for_signed(bundles: Path, old: str, tmp_path: Path) -> None:
    words = ("gate", old, "--baseline", str(bundles / f"{NAMES[0]}.zip"), *CLOCK)
    done = assay(*words, "--key", str(bundles / "vendor.pub"))
    assert (done.returncode, f"{old}: not signed" in done.stdout) == (3, True)
    assert assay("gate", old, "--key", "no-such-key", *CLOCK).returncode == 2
    who = ("--by", "a@example.org", "--reason", "r", "--key", str(bundles / "vendor.pub"))
    refused = assay("gate", "accept", old, "--baseline", str(tmp_path / "b.json"), *who, *CLOCK)
    assert (refused.returncode, "is not signed" in refused.stderr) == (2, True)
    assert not (tmp_path / "b.json").exists()


def test_a_pinned_build_clock_brings_no_waiver_back(old: str, tmp_path: Path) -> None:
    """Only --clock names the day, and the gate says so; SOURCE_DATE_EPOCH is for the bytes of what is built."""
    path = tmp_path / "w.yaml"
    entry = "{id: W-1, rule: sshd-root-login-disabled, reason: r, owner: o, expires: 2020-12-31}"
    path.write_text(f"schema: waivers/v1\nwaivers:\n  - {entry}\n")
    env = {"SOURCE_DATE_EPOCH": "1577836800"}
    (one,) = json.loads(assay("waivers", "list", str(path), "--json", env=env).stdout)
    assert one["expired"] is True
    assert assay("waivers", "lint", str(path), env=env).returncode == 1
    words = ("gate", old, "--baseline", old, "--waivers", str(path), "--json")
    document = json.loads(assay(*words, env=env).stdout)
    assert any("expired on 2020-12-31" in check["text"] for check in document["checks"])
    before = assay(*words, "--clock", "2020-01-01T00:00:00Z")
    assert before.returncode == 3
    assert "The day of the gate was given: 2020-01-01 (--clock)." in json.loads(before.stdout)["notes"]


def test_an_answer_that_turns_is_lost(lab: Path, tmp_path: Path) -> None:
    """From the answer file to the decision: met in the release before, not met in this one."""
    manual = next(
        one
        for one in json.loads((lab / f"{NAMES[0]}.json").read_bytes())["controls"]
        if one["status"] == "manual" and not one["results"]
    )
    paths = {}
    for verdict in ("met", "not_met"):
        answers = tmp_path / f"{verdict}.yaml"
        entry = (
            f"{{framework: {manual['framework']}, control: '{manual['id']}', verdict: {verdict}, by: a@example.org, "
            "date: 2026-01-01, valid_until: 2026-12-31, statement: looked}"
        )
        answers.write_text(f"schema: answers/v1\nanswers:\n  - {entry}\n")
        paths[verdict] = str(tmp_path / f"{verdict}.json")
        words = ("evaluate", str(lab / f"{NAMES[0]}.snapshot.json"), "-p", "velaos", "--answers", str(answers), "-q")
        assert assay(*words, *CLOCK, "-o", f"json={paths[verdict]}").returncode in (0, 3)
    baseline = str(tmp_path / "baseline.json")
    who = ("--by", "a@example.org", "--reason", "r")
    assert assay("gate", "accept", paths["met"], "--baseline", baseline, *who, *CLOCK).returncode == 0
    for before in (paths["met"], baseline):
        done = assay("gate", paths["not_met"], "--baseline", before, "--json", *CLOCK)
        assert done.returncode == 1
        (one,) = (one for one in json.loads(done.stdout)["differences"] if one["action"] == "fail")
        assert (one["class"], one["reason"]) == ("answer_lost", "a person answered met before, and not met now")
    assert assay("gate", paths["met"], "--baseline", baseline, *CLOCK).returncode == 0


def test_a_changed_bundle_ends_4(bundles: Path, tmp_path: Path) -> None:
    data = bytearray((bundles / "velaos-weak.zip").read_bytes())
    at = data.index(b'"fail"')
    data[at : at + 6] = b'"pass"'
    bad = tmp_path / "bad.zip"
    bad.write_bytes(data)
    done = assay("gate", str(bad), "--key", str(bundles / "vendor.pub"), *CLOCK)
    assert done.returncode == 4
    assert assay("gate", str(bad), *CLOCK).returncode == 4


def test_a_rule_change_is_not_blamed_on_the_image(lab: Path, old: str, tmp_path: Path) -> None:
    """The same evidence, judged by a stricter rule: cannot be decided; judged again, nothing changed."""
    shipped = ROOT / "rules/kernel/kernel-lockdown-confidentiality.yaml"
    folder = tmp_path / "rules/kernel"
    folder.mkdir(parents=True)
    text = shipped.read_text()
    assert "confidentiality" in text.partition("check:")[2]
    head, _, check = text.partition("check:")
    body, tests, rest = check.partition("\nremediation:")
    (folder / shipped.name).write_text(f"{head}check:{body.replace('confidentiality', 'stricter')}{tests}{rest}")
    content = ("--content", str(tmp_path), "--allow-override")
    after = tmp_path / "after.json"
    snapshot = str(lab / "velaos-hardened.snapshot.json")
    done = assay("evaluate", snapshot, "-p", "velaos", *content, *CLOCK, "-q", "-o", f"json={after}")
    assert done.returncode in (0, 3), done.stderr
    found = assay("gate", str(after), "--baseline", old, "--json", *CLOCK)
    assert found.returncode == 3, found.stderr
    document = json.loads(found.stdout)
    assert document["decision"] == "incomplete"
    assert {one["class"] for one in document["differences"] if one["action"] != "note"} == {"not_comparable"}
    again = assay("gate", snapshot, "--baseline", snapshot, "-p", "velaos", "--rejudge", *content, "--json", *CLOCK)
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["rejudged"] is True


def test_rejudging_finds_what_the_system_changed(bundles: Path, old: str, new: str) -> None:
    after, before = (str(bundles / f"{name}.zip") for name in reversed(NAMES))
    done = assay("gate", after, "--baseline", before, "--rejudge", "--json", *CLOCK)
    assert rules(done) == rules(assay("gate", new, "--baseline", old, "--json", *CLOCK))
    alone = assay("gate", new, "--baseline", before, "--rejudge", *CLOCK)
    assert alone.returncode == 2
    assert "cannot be judged again" in alone.stderr


def test_waivers_accept_and_change_no_status(old: str, new: str, tmp_path: Path) -> None:
    everything = assay("gate", new, "--baseline", old, "--json", *CLOCK)
    waivers = tmp_path / "release.yaml"
    for number, rule in enumerate(sorted(rules(everything))):
        words = ("--id", f"W-{number}", "--rule", rule, "--reason", "mended in 2.5", "--owner", "a@example.org")
        done = assay("waivers", "add", str(waivers), *words, "--expires", "2026-12-31", *CLOCK)
        assert done.returncode == 0, done.stderr
    found = assay("gate", new, "--baseline", old, "--waivers", str(waivers), "--json", *CLOCK)
    document, before = json.loads(found.stdout), json.loads(everything.stdout)
    assert {one["action"] for one in document["differences"] if one["class"] == "regression"} == {"accepted"}
    statuses = [
        [(one["name"], one["before"], one["after"]) for one in sorted(d["differences"], key=str)]
        for d in (document, before)
    ]
    assert sorted(statuses[0]) == sorted(statuses[1])
    late = assay("gate", new, "--baseline", old, "--waivers", str(waivers), "--clock", "2027-01-01T00:00:00Z")
    assert late.returncode == 1
    assert "EXPIRED on 2026-12-31" in late.stdout


def test_waivers_lint_and_list(tmp_path: Path) -> None:
    path = tmp_path / "w.yaml"
    words = ("--reason", "r", "--owner", "o", "--expires", "2026-12-31")
    rule = ("--rule", "sshd-root-login-disabled", "--target", "velaos", "--approver", "p")
    assert assay("waivers", "add", str(path), "--id", "W-1", *rule, *words, *CLOCK).returncode == 0
    assert assay("waivers", "lint", str(path), *CLOCK).returncode == 0
    assert assay("waivers", "lint", str(path), "--clock", "2027-01-01T00:00:00Z").returncode == 1
    shown = assay("waivers", "list", str(path), *CLOCK)
    assert "W-1  sshd-root-login-disabled  on velaos  until 2026-12-31  owner o" in shown.stdout
    (one,) = json.loads(assay("waivers", "list", str(path), "--json", *CLOCK).stdout)
    assert (one["created"], one["expired"], one["where"]) == ("2026-03-01", False, str(path))
    unknown = assay("waivers", "add", str(path), "--id", "W-2", "--rule", "no-such-rule", *words, *CLOCK)
    assert unknown.returncode == 2
    twice = assay("waivers", "add", str(path), "--id", "W-1", *rule, *words, *CLOCK)
    assert (twice.returncode, "already" in twice.stderr) == (2, True)


def test_init_and_a_policy(old: str, new: str, tmp_path: Path) -> None:
    policy = tmp_path / "gate.yaml"
    assert assay("gate", "init", str(policy)).returncode == 0
    assert assay("gate", "init", str(policy)).returncode == 2
    empty = assay("gate", new, "--baseline", "", *CLOCK)
    assert (empty.returncode, "--baseline names nothing" in empty.stderr) == (2, True)
    by_default = assay("gate", new, "--baseline", old, "--json", *CLOCK)
    by_template = assay("gate", new, "--baseline", old, "--policy", str(policy), "--json", *CLOCK)
    assert rules(by_default) == rules(by_template)
    policy.write_text("schema: gate-policy/v1\nfail_on:\n  - regresion\n")
    wrong = assay("gate", new, "--baseline", old, "--policy", str(policy), *CLOCK)
    assert (wrong.returncode, f"{policy}:3: there is no class" in wrong.stderr) == (2, True)


def test_accept_says_who_and_why(old: str, new: str, tmp_path: Path) -> None:
    path = tmp_path / "baseline.json"
    who = ("--by", "a@example.org", "--reason", "release 2.4")
    assert assay("gate", "accept", old, "--baseline", str(path), *who, *CLOCK).returncode == 0
    first = json.loads(path.read_bytes())
    done = assay("gate", "accept", new, "--baseline", str(path), *who, *CLOCK)
    assert "takes the place of the one that a@example.org accepted" in done.stderr
    second = json.loads(path.read_bytes())
    assert (first["previous"], second["previous"][:7]) == (None, "sha256:")
    assert second["accepted"] == {"by": "a@example.org", "at": CLOCK[1], "reason": "release 2.4", "from": new}
    assert assay("gate", "accept", old, "--baseline", str(path), "--by", " ", "--reason", "x", *CLOCK).returncode == 2
    assert assay("gate", new, "--baseline", str(path), *CLOCK).returncode == 0
    (tmp_path / "notes.txt").write_text("mine")
    refused = assay("gate", "accept", old, "--baseline", str(tmp_path / "notes.txt"), *who, *CLOCK)
    assert (refused.returncode, (tmp_path / "notes.txt").read_text()) == (2, "mine")


def test_every_format_in_one_call(old: str, new: str, tmp_path: Path) -> None:
    from scanner.gate.outputs.registry import FORMATS

    outs = [word for name in FORMATS for word in ("-o", f"{name}={tmp_path / name}")]
    done = assay("gate", new, "--baseline", old, "-q", *outs, *CLOCK)
    assert (done.returncode, done.stdout) == (1, "")
    assert all((tmp_path / name).stat().st_size > 200 for name in FORMATS)
    assert assay("gate", new, "-o", "pdf=x.pdf").returncode == 2


def test_github_gets_annotations_and_a_summary(old: str, new: str, tmp_path: Path) -> None:
    summary = tmp_path / "summary.md"
    summary.write_text("before\n")
    env = {"GITHUB_ACTIONS": "true", "GITHUB_STEP_SUMMARY": str(summary)}
    done = assay("gate", new, "--baseline", old, "--json", *CLOCK, env=env)
    assert json.loads(done.stdout)["decision"] == "not_met"
    assert done.stderr.startswith("::error title=GATE NOT MET")
    assert summary.read_text().startswith("before\n## ")


def test_a_baseline_from_standard_input(old: str, new: str) -> None:
    done = assay("gate", new, "--baseline", "-", *CLOCK, "--json", stdin=Path(old).read_bytes())
    assert done.returncode == 1
    assert json.loads(done.stdout)["baseline"]["name"] == "-"


@pytest.mark.parametrize(
    "words",
    [
        ["no-such-file"],
        ["{old}", "--baseline", "no-such-file"],
        ["{old}", "--policy", "no-such-file"],
        ["{old}", "--waivers", "no-such-file"],
        ["{old}", "--evidence", "{old}"],
        ["{junk}"],
        ["{deep}"],
        ["{list}"],
        ["{zip}"],
    ],
)
def test_what_cannot_be_used_is_said_in_a_line(words: list[str], old: str, tmp_path: Path) -> None:
    files = {"junk": b"{", "deep": b'{"schema":' + b"[" * 100_000, "list": b'{"schema": [1]}', "zip": b"PK\3\4"}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    given = {name: str(tmp_path / name) for name in files} | {"old": old}
    done = assay("gate", *(word.format(**given) for word in words), *CLOCK)
    assert done.returncode in (2, 4)
    assert done.stdout == ""
    assert "internal error" not in done.stderr
    assert done.stderr.startswith("assay: ")


def test_the_same_call_gives_the_same_bytes(old: str, new: str) -> None:
    runs = [
        assay("gate", new, "--baseline", old, "--json", *CLOCK, env={"PYTHONHASHSEED": seed, "TZ": zone}).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    ]
    assert runs[0] == runs[1]


def test_rejudging_hides_no_loosened_value(bundles: Path, tmp_path: Path) -> None:
    """The new release was judged with a value of its own: judged again by that, nothing would be left to see."""
    snapshot = str(bundles / "velaos-hardened.snapshot.json")
    assessment, bundle = str(tmp_path / "loose.json"), str(tmp_path / "loose.zip")
    words = ("evaluate", snapshot, "--profile", "velaos", "--param", "memory_kib=1", "-q", *CLOCK)
    assert assay(*words, "-o", f"json={assessment}").returncode in (0, 3)
    packed(bundles, assessment, bundle, "velaos-hardened")
    before = str(bundles / "velaos-hardened.zip")
    done = assay("gate", bundle, "--baseline", before, "--rejudge", *CLOCK)
    assert done.returncode == 3
    assert "other values on the command line: memory_kib" in done.stdout
    plain = assay("gate", bundle, "--baseline", before, "--json", *CLOCK)
    assert rules(plain, "parameters_changed") | rules(plain, "not_comparable") | rules(plain, "no_verdict")


def test_the_signature_of_an_image(old: str, tmp_path: Path) -> None:
    layout = make_layout(tmp_path)
    key, other = Key(), Key()
    layout.attach(simple(key, claim(layout.digest)))
    (tmp_path / "vendor.pub").write_bytes(key.pem)
    (tmp_path / "other.pub").write_bytes(other.pem)
    (tmp_path / "gate.yaml").write_text("schema: gate-policy/v1\nsupply_chain: {signatures: true}\n")
    words = ("gate", old, "--baseline", old, "--policy", str(tmp_path / "gate.yaml"), *CLOCK)
    image = ("--image", str(layout.root))
    assert assay(*words).returncode == 3
    good = assay(*words, *image, "--key", str(tmp_path / "vendor.pub"))
    assert good.returncode == 0, good.stdout + good.stderr
    bad = assay(*words, *image, "--key", str(tmp_path / "other.pub"))
    assert (bad.returncode, "signatures: " in bad.stdout) == (1, True)
    assert assay(*words, *image).returncode == 2
