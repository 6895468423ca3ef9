"""Nothing that was planted survives redaction, in any spelling, in any file; and odd names break nothing."""

from __future__ import annotations

import hashlib
import io
import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf import PdfReader

from scanner.bundle.creating import bundle_files
from scanner.bundle.hiding import Hider
from scanner.bundle.judging import judged_again
from scanner.bundle.parts import Subject
from scanner.bundle.redaction import LEVELS, redact
from scanner.bundle.telling import by_form
from scanner.collectors.take import identity
from scanner.engine.waivers import load_waivers
from scanner.frameworks.inputs import Inputs, Text, evaluate
from scanner.frameworks.profiles import from_file, profile
from scanner.model.canonical import canonical
from scanner.model.errors import UsageError
from scanner.model.fact import Evidence, Fact
from scanner.model.snapshot import Snapshot
from tests.unit.bundle import pack_lab
from tests.unit.bundle.pack_lab import CLOCK, CONTENT, parts, signed, verify
from tests.unit.bundle.redaction_lab import PLANTED, planted

SECRET = bytes(range(32))
WORDS = tuple(LEVELS["all"])
WAIVERS = """schema: waivers/v1
# agreed with alice
waivers:
  - {id: W-1, rule: home-directories-private, target: 'Thin-Client-?.*', reason: asked by alice, owner: sec.ops@corp.example, expires: 2027-01-31}
"""


@pytest.fixture(scope="module")
def subject(tmp_path_factory: pytest.TempPathFactory) -> Subject:
    return planted(tmp_path_factory.mktemp("tree"), WAIVERS)


def _written(subject: Subject) -> str:
    return canonical(subject.snapshot.to_json()).decode() + canonical(dict(subject.assessment)).decode()


def _json(value: str) -> str:
    return value.replace("\\", "\\\\")


@pytest.mark.parametrize("level", LEVELS)
def test_what_was_planted_is_gone_and_stood_there_before(level: str, subject: Subject) -> None:
    before = _written(subject).lower()
    found = redact((subject,), CONTENT, level, SECRET)
    one = found.subjects[0]
    after = _written(one).lower()
    for word, values in PLANTED.items():
        for value in values:
            assert _json(value) in before, value
            if word in LEVELS[level]:
                assert _json(value) not in after, value
    assert not judged_again(one.snapshot, CONTENT, one.assessment, one.taken)
    assert len(one.taken) < len(one.assessment["results"]) / 3


@pytest.mark.parametrize(("name", "reports"), [("cis-l2-server", ("html", "json")), ("velaos", ("pdf",))])
def test_no_file_of_a_bundle_holds_what_was_planted(name: str, reports: tuple[str, ...], subject: Subject) -> None:
    inputs = Inputs((profile(CONTENT, name),), CLOCK, waivers=Text("w", WAIVERS))
    one = Subject(subject.snapshot, evaluate(subject.snapshot, CONTENT, inputs).to_json())
    found = redact((one,), CONTENT, "all", SECRET)
    given = parts(subjects=found.subjects, attachments=(), redaction="all", reports=reports)
    files = signed(bundle_files(given, CONTENT))
    assert [one for one in verify(files, openings=found.openings).links if one.state == "failed"] == []
    assert {path.rpartition(".")[2] for path in files if path.startswith("reports/")} >= set(reports)
    for path, data in files.items():
        if path.startswith("content/"):
            continue
        text = _text(path, data).lower()
        for value in (one for values in PLANTED.values() for one in values):
            assert not re.search(rf"(?<![a-z0-9]){re.escape(value)}(?![a-z0-9])", text), (path, value)


def _text(path: str, data: bytes) -> str:
    if path.endswith(".pdf"):
        reader = PdfReader(io.BytesIO(data))
        return "\n".join([str(reader.metadata), *(page.extract_text() for page in reader.pages)])
    return data.decode("utf-8", "replace")


def test_every_opening_stands_in_the_bundle_and_opens(subject: Subject) -> None:
    found = redact((subject,), CONTENT, "all", SECRET)
    text = _written(found.subjects[0])
    assert found.openings
    assert all(one.token in text and one.holds() for one in found.openings)
    assert set(re.findall(r"redacted-[0-9a-f]{64}", text)) == {one.token for one in found.openings}


def test_a_waiver_keeps_its_effect_and_loses_its_names(subject: Subject) -> None:
    one = redact((subject,), CONTENT, "all", SECRET).subjects[0]
    text = one.assessment["inputs"]["waivers"]
    assert "Thin-Client" not in text
    assert "agreed with" not in text
    host = one.snapshot.target["identity"]["host_name"]
    assert [waiver.target for waiver in load_waivers(text.encode(), "w")] == [host]
    before = [item["instance"] for item in subject.assessment["results"] if item["waiver"]]
    assert before == [item["instance"] for item in one.assessment["results"] if item["waiver"]] != []


# ---- names like our own words ----------------------------------------------------------------------------------------

OUR_WORDS = (
    *("kind", "id", "rule", "schema", "-", ".", "o", "identity", "live", "digest", "layout", "clock", "collectors"),
    *("name", "host", "state", "error", "present", "reached", "budgets", "waivers", "expires", "owner", "target"),
    *(
        "kernel",
        "audit",
        "sudo",
        "systemd",
        "velaos2",
        "W-1",
        "1000",
        "true",
        "null",
        "a\nb",
        "é",
        "redacted",
        "*",
        "[a",
    ),
)
_NAMES = st.one_of(
    st.sampled_from(OUR_WORDS),
    st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=20),
    st.from_regex(r"[a-z][a-z0-9.-]{0,30}", fullmatch=True),
)


def _named(host: str, user: str) -> Subject:
    snapshot = pack_lab.snapshot("velaos-weak")
    identity = {**snapshot.target["identity"], "host_name": host}
    users = snapshot.facts["accounts.users"]
    facts = {
        **snapshot.facts,
        "accounts.users": replace(users, value=[*users.value, {**users.value[-1], "name": user}]),
    }
    return _judged(replace(snapshot, target={**snapshot.target, "identity": identity}, facts=facts))


def _judged(snapshot: Snapshot, waivers: str = pack_lab.WAIVERS, **more: Any) -> Subject:
    inputs = Inputs((profile(CONTENT, "velaos"),), CLOCK, **{"waivers": Text("w", waivers), **more})
    return Subject(snapshot, evaluate(snapshot, CONTENT, inputs).to_json())


@settings(max_examples=30, deadline=None)
@given(host=_NAMES, user=_NAMES, level=st.sampled_from(sorted(LEVELS)))
def test_any_name_can_be_hidden(host: str, user: str, level: str) -> None:
    one = redact((_named(host, user),), CONTENT, level, SECRET).subjects[0]
    assert not judged_again(one.snapshot, CONTENT, one.assessment, one.taken)
    assert one.snapshot.target["identity"]["host_name"].startswith("redacted-")
    assert set(one.snapshot.target) == {"kind", "identity", "digest", "layout"}
    assert {**one.snapshot.target["identity"], "host_name": ""} == {
        **identity(dict(one.snapshot.facts)),
        "host_name": "",
    }


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("name", ["velaos-weak", "velaos-hardened"])
def test_the_kept_snapshots_can_be_redacted_at_every_level(name: str, level: str) -> None:
    before = pack_lab.subject(name)
    one = redact((before,), CONTENT, level, SECRET).subjects[0]
    assert not judged_again(one.snapshot, CONTENT, one.assessment, one.taken)
    status = {item["instance"]: item["status"] for item in before.assessment["results"]}
    assert {item["instance"]: item["status"] for item in one.assessment["results"]} == status


# ---- several subjects ------------------------------------------------------------------------------------------------


def test_what_one_subject_names_is_hidden_in_all() -> None:
    weak, hardened = pack_lab.snapshot("velaos-weak"), pack_lab.snapshot("velaos-hardened")
    hidden = "backup-of-kontor-17"
    weak = replace(weak, target={**weak.target, "identity": {**weak.target["identity"], "host_name": hidden}})
    facts = {**hardened.facts, "host.name": Fact("host.name", "absent", reason=f"as on {hidden}")}
    found = redact((_judged(weak), _judged(replace(hardened, facts=facts))), CONTENT, "network", SECRET)
    assert not any(hidden in _written(one) for one in found.subjects)
    assert hidden in {one.value for one in found.openings}


def test_bundles_of_different_devices_share_no_token() -> None:
    weak, hardened = pack_lab.subject("velaos-weak"), pack_lab.subject("velaos-hardened")
    tokens = [{one.token for one in redact((each,), CONTENT, "all", SECRET).openings} for each in (weak, hardened)]
    values = [{one.value for one in redact((each,), CONTENT, "all", SECRET).openings} for each in (weak, hardened)]
    assert values[0] & values[1]
    assert not tokens[0] & tokens[1]
    assert {one.token for one in redact((weak,), CONTENT, "all", SECRET).openings} == tokens[0]


# ---- digests, inputs -------------------------------------------------------------------------------------------------


def test_a_digest_of_a_file_with_a_hidden_value_is_hidden_wherever_it_stands() -> None:
    snapshot = pack_lab.snapshot("velaos-weak")
    digest = hashlib.sha256(b"server ntp.internal.example iburst\n").hexdigest()
    source = {"kind": "server", "address": "ntp.internal.example", "options": "iburst", "source": "/etc/chrony.conf"}
    changed = {"path": "/etc/chrony.conf", "package": "chrony", "expected": "1" * 64, "found": f"sha256:{digest}"}
    facts = {
        **snapshot.facts,
        "chrony.sources": Fact(
            "chrony.sources", "present", value=[source], evidence=(Evidence("/etc/chrony.conf", 1, None, digest),)
        ),
        "packages.modified": Fact("packages.modified", "present", value=[changed], evidence=(Evidence("rpm"),)),
    }
    one = _judged(replace(snapshot, facts=facts))
    assert digest in _written(one)
    assert digest not in _written(redact((one,), CONTENT, "network", SECRET).subjects[0])


PROFILE = "schema: profile/v1\nid: mine\n{}extends: [velaos]\nrules_in: [banner-issue-neutral]\n"


@pytest.mark.parametrize(
    ("document", "params", "where"),
    [
        (PROFILE.format("title: for vela-0001\n"), {}, "`title` of the profile mine"),
        (PROFILE.format("# vela-0001 alone\n"), {}, "a comment of the profile mine"),
        (PROFILE.format(""), {"names": "vela-0001"}, "the parameter names"),
    ],
)
def test_values_in_profiles_and_parameters_are_refused(document: str, params: dict[str, str], where: str) -> None:
    snapshot = pack_lab.snapshot("velaos-weak")
    inputs = Inputs((from_file(CONTENT, document.encode(), "p"),), CLOCK, params=params)
    one = Subject(snapshot, evaluate(snapshot, CONTENT, inputs).to_json())
    with pytest.raises(UsageError, match=f"stands in {where}"):
        redact((one,), CONTENT, "network", SECRET)


def test_an_own_profile_without_such_values_is_redacted() -> None:
    snapshot = pack_lab.snapshot("velaos-weak")
    inputs = Inputs((from_file(CONTENT, PROFILE.format("title: ours\n").encode(), "p"),), CLOCK)
    one = Subject(snapshot, evaluate(snapshot, CONTENT, inputs).to_json())
    shown = redact((one,), CONTENT, "all", SECRET).subjects[0]
    assert shown.assessment["inputs"]["profiles"] == one.assessment["inputs"]["profiles"]


# ---- forms and spellings ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        *("thin-client-7", "THIN-CLIENT-7", r"a\x2dthin-client-7", r"thin\x2dclient\x2d7", "%2Fthin-client-7"),
        *("vg-thin--client--7", r"\nthin-client-7", r"x\040thin-client-7", "thin%2Dclient-7.local", "x_thin-client-7"),
        *("jürgen", "JÜRGEN", "ju\u0308rgen", "j%C3%BCrgen", r"j\xc3\xbcrgen", "10.9.8.7/24", "3F1C2D4E5A6B4C7D8E9F0A1B2C3D4E5F"),
        r"dev-disk-by\x2duuid-3f1c2d4e\x2d5a6b\x2d4c7d\x2d8e9f\x2d0a1b2c3d4e5f.device",
    ],
)  # fmt: skip
def test_spellings_of_a_value_have_one_token(text: str) -> None:
    values = ("thin-client-7", "jürgen", "10.9.8.7", "3f1c2d4e-5a6b-4c7d-8e9f-0a1b2c3d4e5f")
    hider = Hider(values, SECRET, ())
    assert hider.names(text)
    hider.text(text)
    assert [one.value for one in hider.openings()] == [
        value for value in values if value in {o.value for o in hider.openings()}
    ]
    assert len(hider.openings()) == 1


@pytest.mark.parametrize("text", ["thin-client-72", "xthin-client-7", "10.9.8.70", "jürgens", "jürgenö"])
def test_other_words_stay(text: str) -> None:
    assert not Hider(("thin-client-7", "jürgen", "10.9.8.7"), SECRET, ()).names(text)


def _formed(text: str, version: bool = False) -> Iterator[str]:
    yield from by_form(text, WORDS, version)


@pytest.mark.parametrize(
    "text",
    [
        *("77fa9abd-0359-4d32-bd60-28f4e78f784b", "8be4df61-93ca-11d2-aa0d-00e098032b8c", "kernel 6.12.0.1 of today"),
        *("127.0.0.1", "0.0.0.0", "255.255.255.0", "::1", "ff02::1", "10.0.0.0/8", "std::vector", "12:34:56"),
        *("0" * 32, "a" * 64, "ab:cd:ef:01:23:45:67:89", "/home/*", "/home/$USER", "sha256:" + "ab" * 32),
    ],
)
def test_constants_versions_and_loopback_tell_nothing(text: str) -> None:
    assert not list(_formed(text))


def test_versions_are_no_addresses() -> None:
    assert list(_formed("10.1.2.3")) == ["10.1.2.3"]
    assert not list(_formed("10.1.2.3", version=True))


def test_of_many_backslashes_only_a_few_make_an_escape() -> None:
    """Any number of them would cost their square: hostile texts are megabytes long."""
    hider = Hider(("thin-client-7",), SECRET, ())
    assert hider.names("thin" + "\\" * 4 + "x2dclient-7")
    assert not hider.names("thin" + "\\" * 5 + "x2dclient-7")
    assert hider.text("\\" * 300_000) == "\\" * 300_000
