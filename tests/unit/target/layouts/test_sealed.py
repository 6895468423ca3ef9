"""A disk whose root nobody can read is assessed by what lies beside it, and never by what seems to be missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from scanner.collectors.registry import collect
from scanner.model.errors import NotCollectedError
from scanner.target.image import NoRootError
from scanner.target.opening import open_path
from tests.unit.target.mapped.luks_lab import MIB, disk, volume


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sealed")
    header = volume(folder / "v", bytes(MIB)).read_bytes()
    return disk(folder / "disk", (bytes(MIB), "ef00", "esp"), (header, "8304", "system"))


def test_the_header_is_evidence_and_the_root_is_not_known(sealed: Path) -> None:
    target = open_path(sealed)
    assert target.layout()["layout"] == "sealed"
    facts, _ = collect(target, None)
    assert facts["block.devices"].state == "present"
    (record,) = facts["luks.volumes"].value
    assert record["keyslots"]
    for name in ("os.release", "sshd.options", "accounts.shadow", "systemd.units"):
        assert facts[name].state in ("not_collected", "error"), name
        assert "disk2" in str(facts[name].reason), name
    assert [name for name, fact in facts.items() if fact.state == "absent"] == []
    target.close()


def test_nothing_below_the_root_looks_absent(sealed: Path) -> None:
    target = open_path(sealed)
    for path in ("/", "/etc/passwd", "/usr/lib/os-release"):
        with pytest.raises(NotCollectedError, match="encrypted"):
            target.tree.stat(path)
    target.close()


def test_a_disk_without_anything_closed_is_no_target(tmp_path: Path) -> None:
    with pytest.raises(NoRootError):
        open_path(disk(tmp_path / "disk", (bytes(MIB), "8300", "blank")))
