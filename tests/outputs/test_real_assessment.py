"""A real scan with a waiver, from the command line, into every machine format and into its readers."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import junitparser
import pytest

from scanner.outputs.base import named
from scanner.supply_chain.checking.schemas import _validator
from tests.e2e.test_cli import assay
from tests.outputs.sarif_checks import github_problems, problems
from tests.outputs.test_findings import FORMATS
from tests.outputs.test_ocsf import problems as ocsf_problems
from tests.support import build

TREE = {
    "etc/os-release": 'ID=almalinux\nVERSION_ID="10.1"\nID_LIKE="rhel fedora"\nPRETTY_NAME="AlmaLinux 10.1"\n',
    "etc/passwd": "root:x:0:0:root:/root:/bin/bash\nuser:x:1000:1000:[a](http://192.0.2.1/):/home/user:/bin/bash\n",
    "etc/group": "root:x:0:\nuser:x:1000:\n",
    "etc/hostname": "device-7\n",
    "etc/ssh/sshd_config": "PermitRootLogin yes\nX11Forwarding yes\n",
    "etc/login.defs": "PASS_MAX_DAYS 60\nUMASK 077\nENCRYPT_METHOD YESCRYPT\n",
    "etc/sysctl.d/90.conf": "kernel.kptr_restrict = 2\nkernel.dmesg_restrict = 0\n",
    "usr/lib/systemd/system/sshd.service": "[Service]\nExecStart=/usr/sbin/sshd -D\n[Install]\nWantedBy=multi-user.target\n",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every format, written by `assay report` from the assessment of one scan."""
    place = tmp_path_factory.mktemp("real")
    build(place / "tree", TREE)
    waiver = "{id: W-1, rule: sysctl-kernel-dmesg-restrict, reason: a tool needs it, owner: me, expires: '2027-01-31'}"
    (place / "waivers.yaml").write_text(f"schema: waivers/v1\nwaivers:\n- {waiver}\n")
    scan = ("--profile", "stig", "--profile", "cis-l2-server", "--waivers", str(place / "waivers.yaml"))
    clock = ("--clock", "2026-11-20T12:00:00Z")
    done = assay("scan", str(place / "tree"), *scan, *clock, "-q", "-o", f"json={place / 'json'}")
    assert done.returncode in (0, 3), done.stderr
    asked = [text for name in FORMATS for text in ("-o", f"{name}={place / name}")]
    done = assay("report", str(place / "json"), "-q", *asked)
    assert done.returncode == 0, done.stderr
    return place


@pytest.fixture(scope="module")
def assessment(folder: Path) -> dict[str, Any]:
    return dict(json.loads((folder / "json").read_bytes()))


def test_the_assessment_is_worth_it(assessment: dict[str, Any]) -> None:
    counted = Counter(one["status"] for one in assessment["results"])
    assert {"pass", "fail", "unknown", "not_applicable", "manual"} <= set(counted)
    assert len(assessment["controls"]) > 700
    assert any(one["half"] for one in assessment["results"])
    assert [one["waiver"]["id"] for one in assessment["results"] if one["waiver"]]


@pytest.mark.parametrize("name", FORMATS)
def test_the_command_writes_what_the_library_renders(name: str, folder: Path, assessment: dict[str, Any]) -> None:
    assert (folder / name).read_bytes() == named(name).render(assessment)


def test_readers_take_the_files(folder: Path, assessment: dict[str, Any]) -> None:
    counted = Counter(one["status"] for one in assessment["results"])
    assert problems((folder / "sarif").read_bytes()) == []
    assert problems((folder / "sarif-github").read_bytes()) == []
    assert github_problems((folder / "sarif-github").read_bytes()) == []
    assert [
        one.message
        for one in _validator("bom-1.6.SNAPSHOT.schema.json").iter_errors(json.loads((folder / "cdxa").read_bytes()))
    ] == []
    rules = next(iter(junitparser.JUnitXml.fromstring((folder / "junit").read_bytes())))
    assert rules.failures == counted["fail"]
    assert rules.errors == counted["error"] + counted["unknown"]
    assert rules.skipped == counted["manual"] + counted["not_applicable"]
    events = [json.loads(line) for line in (folder / "ocsf").read_bytes().splitlines()]
    assert [text for event in events for text in ocsf_problems(event)] == []
    table = list(csv.DictReader(io.StringIO((folder / "csv").read_text(), newline="")))
    assert Counter(row["status"] for row in table) == counted
    said = json.loads((folder / "intoto-test-result").read_bytes())["predicate"]
    assert said["result"] == "FAILED"
    assert len(said["failedTests"]) == counted["fail"] + counted["error"] + counted["unknown"]
    assert json.loads((folder / "vsa").read_bytes())["predicate"]["verificationResult"] == "FAILED"


def test_a_target_without_a_digest_still_is_a_subject(folder: Path, assessment: dict[str, Any]) -> None:
    assert assessment["target"]["digest"] is None
    (subject,) = json.loads((folder / "vsa").read_bytes())["subject"]
    assert subject == {"name": "facts", "digest": {"sha256": assessment["facts_digest"].removeprefix("sha256:")}}
