"""Redaction: hidden values are nowhere, verdicts stay, what rests on hidden values is named, and openings prove values."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from scanner.bundle.creating import bundle_files
from scanner.bundle.judging import judged_again
from scanner.bundle.manifest import MANIFEST
from scanner.bundle.marks import condition
from scanner.bundle.parts import Subject
from scanner.bundle.redaction import LEVELS, PREFIX, Opening, Redacted, openings_file, read_openings, redact
from scanner.collectors.registry import specs
from scanner.collectors.take import take
from scanner.frameworks.inputs import Inputs, Text, evaluate, selection
from scanner.frameworks.profiles import profile
from scanner.model.canonical import canonical
from scanner.model.errors import InputError, UsageError
from scanner.model.fact import SENSITIVE
from scanner.supply_chain.signing.result import RefusedError
from scanner.target.tree import TreeTarget
from tests.support import build
from tests.unit.bundle.pack_lab import CLOCK, CONTENT, Files, parts, signed, verify

SECRET = bytes(range(32))
HIDDEN = ("alice", "thin-client-7", "10.9.8.7", "ntp.internal.example")
WAIVERS = """schema: waivers/v1
waivers:
  - {id: W-1, rule: home-directories-private, target: thin-client-7, reason: r, owner: o, expires: 2027-01-31}
"""


def _taken(folder: Path) -> Subject:
    build(
        folder,
        {
            "etc/os-release": 'ID=almalinux\nVERSION_ID="10.1"\nPRETTY_NAME="AlmaLinux 10.1"\n',
            "etc/hostname": "thin-client-7\n",
            "etc/passwd": "root:x:0:0:root:/root:/bin/bash\ndaemon:x:2:2::/sbin:/sbin/nologin\n"
            "alice:x:1000:1000:Alice:/home/alice:/bin/bash\n",
            "etc/group": "root:x:0:\ndaemon:x:2:\nalice:x:1000:\n",
            "etc/shadow": "root:*:19000:0:99999:7:::\nalice:*:19000:0:99999:7:::\n",
            "etc/resolv.conf": "nameserver 10.9.8.7\n",
            "etc/chrony.conf": "server ntp.internal.example iburst\n",
            "etc/ssh/sshd_config": "PermitRootLogin yes\nAllowUsers alice\n",
            "home/alice/.bashrc": "umask 000\n",
            "root": None,
        },
    )
    (folder / "home/alice").chmod(0o777)
    inputs = Inputs((profile(CONTENT, "cis-l2-server"),), CLOCK, waivers=Text("w", WAIVERS))
    target = TreeTarget(folder)
    try:
        from scanner.cli.pipeline import wanted_facts

        wanted = wanted_facts(selection(CONTENT, inputs.profiles, {})[1])
        snapshot = take(target, [*wanted, "name_resolution.servers", "chrony.sources"])
    finally:
        target.close()
    return Subject(snapshot, evaluate(snapshot, CONTENT, inputs).to_json())


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return _taken(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def redacted(subject: Subject) -> Redacted:
    return redact((subject,), CONTENT, "all", SECRET)


def _written(subject: Subject) -> str:
    return canonical(subject.snapshot.to_json()).decode() + canonical(dict(subject.assessment)).decode()


def _by_instance(assessment: Mapping[str, Any]) -> dict[str, Any]:
    return {one["instance"]: one for one in assessment["results"]}


def test_hidden_values_are_nowhere_and_stood_there_before(subject: Subject, redacted: Redacted) -> None:
    before, after = _written(subject), _written(redacted.subjects[0])
    for value in HIDDEN:
        assert value in before, value
        assert not re.search(rf"(?<![A-Za-z0-9]){re.escape(value)}(?![A-Za-z0-9])", after, re.I), value


def test_plain_digests_of_files_with_hidden_values_are_gone(subject: Subject, redacted: Redacted) -> None:
    """A digest of `/etc/hostname` would let anybody try names until one fits."""
    for text in ("thin-client-7\n", "nameserver 10.9.8.7\n"):
        digest = hashlib.sha256(text.encode()).hexdigest()
        assert digest in _written(subject)
        assert digest not in _written(redacted.subjects[0])


def test_no_verdict_changes(subject: Subject, redacted: Redacted) -> None:
    before, after = _by_instance(subject.assessment), _by_instance(redacted.subjects[0].assessment)
    assert {name: (one["status"], one["facets"]) for name, one in before.items()} == {
        name: (one["status"], one["facets"]) for name, one in after.items()
    }
    for framework, one in subject.assessment["summary"].items():
        assert redacted.subjects[0].assessment["summary"][framework]["counts"] == one["counts"]


def test_what_rests_on_hidden_values_is_named_and_the_rest_judged_again(redacted: Redacted) -> None:
    one = redacted.subjects[0]
    assert one.taken
    assert len(one.taken) < len(one.assessment["results"]) / 4
    assert not judged_again(one.snapshot, CONTENT, one.assessment, one.taken)
    assert judged_again(one.snapshot, CONTENT, one.assessment).results == one.taken


@pytest.mark.parametrize("level", LEVELS)
def test_levels_hide_more_and_more(level: str, subject: Subject) -> None:
    text = _written(redact((subject,), CONTENT, level, SECRET).subjects[0])
    assert "thin-client-7" not in text
    assert "10.9.8.7" not in text
    assert ("alice" in text) is (level != "all")


def test_the_same_secret_gives_the_same_bytes_and_another_one_others(subject: Subject, redacted: Redacted) -> None:
    again = redact((subject,), CONTENT, "all", SECRET)
    assert _written(again.subjects[0]) == _written(redacted.subjects[0])
    other = redact((subject,), CONTENT, "all", bytes(32))
    tokens = {one.token for one in redacted.openings} & {one.token for one in other.openings}
    assert not tokens


def _bundle(one: Redacted) -> Files:
    given = parts(subjects=one.subjects, attachments=(), redaction="all", reports=("html",))
    return signed(bundle_files(given, CONTENT))


def test_a_redacted_bundle_verifies_and_an_opening_proves_a_value(redacted: Redacted) -> None:
    files = _bundle(redacted)
    found = verify(files, openings=redacted.openings, reports=True)
    assert found.ok, [one for one in found.links if one.state == "failed"]
    links = {one.link: one.detail for one in found.links}
    assert f"{len(redacted.subjects[0].taken)} results rest on hidden values" in links["judgement"]
    assert "thin-client-7" in links["openings"]
    plain = verify(files)
    assert plain.ok
    assert "values are hidden" in {one.link: one.detail for one in plain.links}["openings"]
    for name, data in files.items():
        if not name.startswith("content/"):
            assert not any(value.encode() in data for value in HIDDEN), name


def test_no_other_opening_opens(redacted: Redacted) -> None:
    files = _bundle(redacted)
    one = redacted.openings[0]
    for spoilt in (
        replace(one, value=one.value + "x"),
        replace(one, salt="00" * 32),
        replace(one, salt="zz"),
        replace(one, digest="0" * 64),
        # A salt of another length moves the border between salt and value.
        Opening(one.digest, one.salt + one.value[:1].encode().hex(), one.value[1:]),
        Opening(hashlib.sha256(b"\0value").hexdigest(), "00", "value"),
    ):
        assert not verify(files, openings=(spoilt,)).ok


def test_openings_are_kept_in_a_file(redacted: Redacted) -> None:
    files = _bundle(redacted)
    data = openings_file(redacted.openings, files[MANIFEST])
    assert set(read_openings(data, "openings.json")) == set(redacted.openings)
    assert json.loads(data)["manifest"] == hashlib.sha256(files[MANIFEST]).hexdigest()
    with pytest.raises(InputError):
        read_openings(b'{"schema": "assay/openings/v1"}', "openings.json")


def test_a_vendor_cannot_take_results_that_the_evidence_decides(redacted: Redacted, subject: Subject) -> None:
    one = redacted.subjects[0]
    failing = next(
        name
        for name, item in _by_instance(one.assessment).items()
        if item["status"] == "fail" and name not in one.taken
    )
    doctored = json.loads(canonical(dict(one.assessment)))
    for item in doctored["results"]:
        if item["instance"] == failing:
            item["status"] = "pass"
    with pytest.raises(RefusedError, match="is decided by the evidence"):
        judged_again(one.snapshot, CONTENT, doctored, (*one.taken, failing))
    assert judged_again(one.snapshot, CONTENT, doctored, one.taken)
    # nor hide that something was hidden
    with pytest.raises(InputError, match="makes another assessment"):
        bundle_files(parts(subjects=(replace(one, taken=()),), attachments=()), CONTENT)
    unsaid = signed(bundle_files(parts(subjects=(one,), attachments=()), CONTENT))
    assert not verify(unsaid).ok


def test_a_rule_never_passes_by_redaction(subject: Subject, redacted: Redacted) -> None:
    """Judged on the redacted snapshot alone, nothing passes that did not pass before."""
    from scanner.frameworks.inputs import inputs_of

    before = _by_instance(subject.assessment)
    alone = evaluate(redacted.subjects[0].snapshot, CONTENT, inputs_of(redacted.subjects[0].assessment, CONTENT))
    for one in alone.results:
        if one.status in ("pass", "not_applicable"):
            assert before[one.instance]["status"] == one.status, one.instance


def test_wrong_levels_and_short_secrets_are_refused(subject: Subject) -> None:
    with pytest.raises(UsageError, match="no level"):
        redact((subject,), CONTENT, "most", SECRET)
    with pytest.raises(UsageError, match="32 are needed"):
        redact((subject,), CONTENT, "all", b"short")


def test_what_the_system_calls_itself_stays(tmp_path: Path) -> None:
    one = _taken(tmp_path)
    named = replace(
        one.snapshot,
        target={**one.snapshot.target, "identity": {**one.snapshot.target["identity"], "host_name": "almalinux"}},
    )
    inputs = Inputs((profile(CONTENT, "cis-l2-server"),), CLOCK)
    found = redact((Subject(named, evaluate(named, CONTENT, inputs).to_json()),), CONTENT, "network", SECRET)
    assert found.subjects[0].assessment["target"]["identity"]["os_id"] == "almalinux"


def test_every_sensitive_mark_names_a_declared_field_and_a_known_word() -> None:
    marked = 0
    for spec in specs().values():
        for mark, word in spec.sensitive.items():
            field, other, values = condition(mark)
            assert word in SENSITIVE
            assert field in spec.fields or (mark == "" and spec.kind == "value"), (spec.name, mark)
            assert bool(other) == bool(values) == ("[" in mark), (spec.name, mark)
            assert not other or other in spec.fields, (spec.name, mark)
            assert all(one == one.lower().strip() and one for one in values), (spec.name, mark)
            marked += 1
    assert marked >= 75
    assert set(LEVELS["all"]) == set(SENSITIVE)
    assert PREFIX.isascii()
