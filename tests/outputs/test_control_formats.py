"""What holds for cklb, hdf, xccdf and the OSCAL documents alike: hostile text, the same bytes, a real scan, odd input."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import unicodedata
import xml.etree.ElementTree as ET
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from scanner.outputs._identifiers import identifier, token, tokens
from scanner.outputs._text import visible
from scanner.outputs.base import named, names
from tests.outputs.checklist_matrix import FORMATS, STIG, checklist, hostile_checklist, official, statuses
from tests.outputs.finding_matrix import hostile, passing
from tests.outputs.report_poison import PAYLOADS
from tests.outputs.report_sample import assessment, large, result, sample
from tests.support import build

ASSAY = (sys.executable, "-P", "-m", "scanner.cli.main")
HARMLESS = " harmless"
TREE = {
    "etc/os-release": 'ID=almalinux\nVERSION_ID="10.1"\nID_LIKE="rhel centos fedora"\nPLATFORM_ID="platform:el10"\n',
    "etc/hostname": "lab-7\n",
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\n",
    "etc/shadow": "root:*:20000::::::\n",
    "etc/login.defs": "PASS_MAX_DAYS 60\n",
    "etc/ssh/sshd_config": "PermitRootLogin yes\n",
    "etc/sysctl.d/90.conf": "kernel.kptr_restrict = 1\n",
    "usr/lib/systemd/systemd": "",
}


def render(name: str, document: dict[str, Any]) -> bytes:
    return named(name).render(document)


def shape(data: bytes) -> Any:
    """The structure without the texts in it, and without their order."""

    def walk(value: Any) -> str:
        if isinstance(value, dict):
            # A name with an @ in it is a rule instance, and no member that the format defines.
            return str(sorted(("" if "@" in key else key) + walk(one) for key, one in value.items()))
        return str(sorted(walk(one) for one in value)) if isinstance(value, list) else type(value).__name__

    if data.startswith(b"<"):
        return sorted((one.tag, *sorted(one.attrib)) for one in ET.fromstring(data).iter())
    return walk(json.loads(data))


@lru_cache
def harmless_shape(name: str) -> Any:
    return shape(render(name, hostile_checklist(HARMLESS)))


def test_all_formats_are_found_by_name() -> None:
    assert set(FORMATS) <= set(names())
    assert not [name for name in names() if "_" in name]
    assert {named(name).id for name in FORMATS} == set(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_the_poison_reaches_the_format(name: str) -> None:
    assert len(PAYLOADS) >= 15
    assert render(name, hostile_checklist(HARMLESS)).count(HARMLESS.encode()) > 200


@pytest.mark.parametrize("payload", sorted(PAYLOADS))
@pytest.mark.parametrize("name", FORMATS)
def test_hostile_text_stays_text(name: str, payload: str) -> None:
    data = render(name, hostile_checklist(PAYLOADS[payload]))
    assert shape(data) == harmless_shape(name)
    bad = {one for one in data.decode() if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Cn") and one != "\n"}
    assert not bad
    shown = visible(PAYLOADS[payload])
    raw = "".join(ET.fromstring(data).itertext()) if data.startswith(b"<") else json.dumps(json.loads(data))
    escaped = shown if data.startswith(b"<") else json.dumps(shown)[1:-1]
    assert escaped.strip() in raw


@pytest.mark.parametrize("payload", sorted(PAYLOADS))
@pytest.mark.parametrize("name", FORMATS)
def test_hostile_publishers_texts_stay_text(name: str, payload: str) -> None:
    data = render(name, official(checklist(), PAYLOADS[payload]))
    bad = {one for one in data.decode() if unicodedata.category(one) in ("Cc", "Cf", "Cs", "Cn") and one != "\n"}
    assert not bad
    if name == "xccdf":
        benign = render(name, official(checklist(), HARMLESS))
        assert shape(data) == shape(benign)


@pytest.mark.parametrize("name", [one for one in FORMATS if one != "cklb"])
def test_a_hostile_status_word_is_never_a_pass(name: str) -> None:
    def passes(document: dict[str, Any]) -> int:
        data = render(name, document).decode()
        return sum(data.count(word) for word in ('"satisfied"', '"passed"', "<result>pass<", '"implemented"'))

    assert passes(sample()) > 0 or name == "oscal-poam"
    assert passes(hostile(words=True)) - data_keys(name) == 0


def data_keys(name: str) -> int:
    """HDF names a total `passed` whatever the statuses are."""
    return 1 if name == "hdf" else 0


@pytest.mark.parametrize(
    "document",
    [sample(), large(), assessment([], [], {}), assessment([passing(), result(1, "fail")], [], {})],
)
@pytest.mark.parametrize("name", [one for one in FORMATS if one != "cklb"])
def test_assessments_without_much_in_them_are_written(name: str, document: dict[str, Any]) -> None:
    assert len(render(name, document)) > 200


def test_the_texts_change_no_id_and_no_status() -> None:
    for name in FORMATS:
        plain, supplied = (render(name, document).decode() for document in (checklist(), official(checklist())))
        assert ids(plain) == ids(supplied)
        assert plain != supplied


def ids(text: str) -> list[str]:
    return [value for key, value in _texts(json.loads(text)) if key == "uuid"] if text.startswith("{") else []


def _texts(value: Any, key: str = "") -> list[tuple[str, str]]:
    if isinstance(value, dict):
        return [pair for name, one in value.items() for pair in _texts(one, name)]
    if isinstance(value, list):
        return [pair for one in value for pair in _texts(one, key)]
    return [(key, value)] if isinstance(value, str) else []


def test_tokens_are_names_and_each_is_another_one() -> None:
    odd = ["164.312(a)(1)", "164.312(a)[1]", "", "-", "ä", "1.1", "RHEL-10-000500", "a b", "a_b"]
    found = tokens([*odd, *odd])
    assert len(set(found.values())) == len(odd)
    assert found["RHEL-10-000500"] == "RHEL-10-000500"
    assert found["164.312(a)(1)"] == "_164.312_a_1"
    assert all(one[0].isalpha() or one[0] == "_" for one in found.values())
    assert token("x" * 1000) == "x" * 200
    assert identifier("a", "b") != identifier("ab") != identifier("b", "a")


def test_the_same_bytes_under_another_seed_zone_locale_and_folder(tmp_path: Path) -> None:
    code = (
        "import hashlib; from scanner.outputs.base import named; "
        "from tests.outputs.checklist_matrix import FORMATS, checklist; "
        "print(*(hashlib.sha256(named(one).render(checklist())).hexdigest() for one in FORMATS))"
    )
    root = str(Path(__file__).parents[2])

    def run(**changes: str) -> str:
        environment = {**os.environ, "PYTHONPATH": root, **changes}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, cwd=tmp_path, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    here = " ".join(hashlib.sha256(render(name, checklist())).hexdigest() for name in FORMATS)
    assert run(PYTHONHASHSEED="1", TZ="Asia/Tokyo", LC_ALL="C") == here
    assert run(PYTHONHASHSEED="4242", TZ="America/New_York", LC_ALL="C.UTF-8", LANG="de_DE.UTF-8") == here


@pytest.fixture(scope="module")
def scanned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real scan of a small EL 10 tree by three frameworks, with every format written by the command itself."""
    folder = tmp_path_factory.mktemp("scanned")
    build(folder / "tree", dict(TREE))
    wanted = [f"-o{name}={folder / name}" for name in (*FORMATS, "json")]
    profiles = [one for name in ("stig", "hipaa", "nist-moderate") for one in ("--profile", name)]
    done = subprocess.run(
        [*ASSAY, "scan", str(folder / "tree"), "--quiet", *profiles, *wanted],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3, done.stderr  # a tree of eight files: much is not known
    return folder


def test_a_real_scan_writes_every_format(scanned: Path) -> None:
    document = json.loads((scanned / "json").read_bytes())
    for name in FORMATS:
        assert (scanned / name).read_bytes() == render(name, document)


def test_a_real_checklist_has_every_rule_of_the_stig(scanned: Path) -> None:
    document = json.loads((scanned / "json").read_bytes())
    (stig,) = json.loads((scanned / "cklb").read_bytes())["stigs"]
    given = statuses(document, STIG)
    assert stig["size"] == len(given) == document["summary"][STIG]["catalog"] == 434
    written = {rule["rule_version"]: rule for rule in stig["rules"]}
    assert set(written) == set(given)
    assert {rule["rule_id_src"][:3] for rule in written.values()} == {"SV-"}
    assert all(rule["ccis"] and rule["group_id"].startswith("V-") for rule in written.values())
    passed = {control for control, rule in written.items() if rule["status"] == "not_a_finding"}
    assert passed == {control for control, status in given.items() if status == "pass"}
    assert {"fail", "unknown"} <= set(given.values())


def test_a_checklist_of_another_system_is_a_usage_error(tmp_path: Path) -> None:
    build(tmp_path / "tree", {**TREE, "etc/os-release": "ID=debian\nVERSION_ID=12\n"})
    out = tmp_path / "a.cklb"
    done = subprocess.run(
        [*ASSAY, "scan", str(tmp_path / "tree"), "--quiet", "--profile", "stig", "-o", f"cklb={out}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "STIG RHEL 10 does not apply to this target" in done.stderr
    assert "General Purpose Operating System SRG" in done.stderr
    assert "Traceback" not in done.stderr
    assert not out.exists()
