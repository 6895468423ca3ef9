"""composefs images against their commits: commits of the real ostree, digests of the real fsverity."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import ParseError
from scanner.parsers.ostree import composefs_digest
from tests.support import build, fact_of

_IMAGE = bytes(range(256)) * 40
_KEY = "ostree.composefs.digest.v0"


def _run(*words: str | Path) -> str:
    if shutil.which(str(words[0])) is None:
        pytest.skip(f"{words[0]} is not installed (Debian package {words[0]})")
    return subprocess.run([str(one) for one in words], capture_output=True, text=True, check=True).stdout.strip()


def _digest(tmp_path: Path) -> str:
    file = tmp_path / "image"
    file.write_bytes(_IMAGE)
    return _run("fsverity", "digest", "--compact", file)


def _system(tmp_path: Path, *options: str) -> tuple[Path, str]:
    """A sysroot with one deployment whose commit was made with these options."""
    root, content = tmp_path / "root", build(tmp_path / "content", {"usr/x": "x"})
    repo = root / "ostree/repo"
    repo.mkdir(parents=True)
    _run("ostree", f"--repo={repo}", "init", "--mode=bare-user-only")
    checksum = _run("ostree", f"--repo={repo}", "commit", "--branch=x", "--canonical-permissions", *options, content)
    build(root, {f"ostree/deploy/demo/deploy/{checksum}.0/.ostree.cfs": _IMAGE})
    return root, checksum


def _stating(digest: str) -> str:
    octets = ", ".join(f"0x{one:02x}" for one in bytes.fromhex(digest))
    return f"--add-metadata={_KEY}=[byte {octets}]"


def test_image_of_the_commit(tmp_path: Path) -> None:
    digest = _digest(tmp_path)
    root, checksum = _system(tmp_path, "--add-metadata-string=version=1", _stating(digest))
    fact = fact_of(root, "ostree.composefs")
    source = f"/ostree/deploy/demo/deploy/{checksum}.0/.ostree.cfs"
    assert fact.value == [
        {"stateroot": "demo", "checksum": checksum, "serial": 0, "commit_intact": True, "stated": digest,
         "measured": digest, "agreement": "matches", "source": source}
    ]  # fmt: skip
    (root / source[1:]).write_bytes(_IMAGE[:-1] + b"?")
    (changed,) = fact_of(root, "ostree.composefs").value
    assert (changed["agreement"], changed["stated"]) == ("differs", digest)


def test_a_changed_commit(tmp_path: Path) -> None:
    root, checksum = _system(tmp_path, _stating("5a" * 32))
    path = root / f"ostree/repo/objects/{checksum[:2]}/{checksum[2:]}.commit"
    path.write_bytes(path.read_bytes().replace(bytes.fromhex("5a" * 32), bytes.fromhex(_digest(tmp_path))))
    (record,) = fact_of(root, "ostree.composefs").value
    assert (record["agreement"], record["commit_intact"]) == ("matches", False)


def test_what_states_nothing_or_is_not_there(tmp_path: Path) -> None:
    root, checksum = _system(tmp_path)
    (record,) = fact_of(root, "ostree.composefs").value
    assert record["agreement"]["state"] == "not_collected"
    assert (record["stated"], record["measured"]) == (None, _digest(tmp_path))
    (root / f"ostree/repo/objects/{checksum[:2]}/{checksum[2:]}.commit").unlink()
    (record,) = fact_of(root, "ostree.composefs").value
    assert record["agreement"] == {"state": "error", "reason": "missing: the repository has no such commit"}
    (root / f"ostree/deploy/demo/deploy/{checksum}.0/.ostree.cfs").unlink()
    assert fact_of(root, "ostree.composefs").state == "absent"


@pytest.mark.parametrize("data", [b"", b"\0", b"\xff" * 40, bytes(7), bytes(200)])
def test_what_is_no_commit(data: bytes) -> None:
    try:
        found = composefs_digest(data)
    except ParseError:
        return
    assert found is None
