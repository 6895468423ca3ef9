"""What an argument is: by content, with the reason."""

from __future__ import annotations

import gzip
import os
import subprocess
import tarfile
import threading
from pathlib import Path

import pytest

from scanner.model.errors import InputError, TargetError
from scanner.supply_chain.inputs.arguments import argument_of
from scanner.supply_chain.inputs.origin import Origin
from tests.unit.supply_chain.signing.layout_lab import make_layout

SBOM = b'{"bomFormat": "CycloneDX", "specVersion": "1.6", "version": 1, "components": []}'


@pytest.mark.parametrize(
    ("name", "data", "kind"),
    [
        ("sbom.img", SBOM, "document"),
        ("spaced", b"\n\t " + SBOM, "document"),
        ("tags.raw", b"SPDXVersion: SPDX-2.3\n", "document"),
        ("marked", b"\xef\xbb\xbf" + SBOM, "document"),
        ("utf16", SBOM.decode().encode("utf-16"), "document"),
        ("utf16-without-mark", SBOM.decode().encode("utf-16-le"), "document"),
        ("cut-in-a-character", b"{" + b" " * 4094 + "é".encode(), "document"),
        ("sbom.json.gz", gzip.compress(SBOM), "document"),
        ("disk.raw.gz", gzip.compress(b"\0" * 70_000), "target"),
        ("broken.gz", b"\x1f\x8b" + b"\xff" * 30, "target"),
        ("zeros.json", b"\0" * 4096, "target"),
        ("zstd", b"\x28\xb5\x2f\xfd" + b"\x80" * 40, "target"),
        ("disk.vmdk", b"# Disk DescriptorFile\nversion=1\n", "target"),
        ("empty", b"", "document"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_files(tmp_path: Path, name: str, data: bytes, kind: str) -> None:
    path = tmp_path / name
    path.write_bytes(data)
    found = argument_of(str(path))
    assert (found.kind, bool(found.why)) == (kind, True)


def test_a_real_file_system_is_a_target(tmp_path: Path) -> None:
    disk = tmp_path / "disk.json"
    with disk.open("wb") as stream:
        stream.truncate(4 << 20)
    subprocess.run(["/sbin/mkfs.ext4", "-q", "-F", str(disk)], check=True)
    assert argument_of(str(disk)).kind == "target"


def test_folders_and_archives(tmp_path: Path) -> None:
    layout = make_layout(tmp_path / "made")
    assert argument_of(str(layout.root)).kind == "image"
    assert argument_of(str(layout.archive(tmp_path / "image.tar"))).kind == "image"
    packed = tmp_path / "image.tar.gz"
    packed.write_bytes(gzip.compress((tmp_path / "image.tar").read_bytes()))
    found = argument_of(str(packed))
    assert found.kind == "image" and "compressed with gzip" in found.why
    (tmp_path / "root" / "etc").mkdir(parents=True)
    assert argument_of(str(tmp_path / "root")).kind == "target"
    with tarfile.open(tmp_path / "root.tar", "w") as tar:
        tar.add(tmp_path / "root", ".")
    assert argument_of(str(tmp_path / "root.tar")).kind == "target"
    (tmp_path / "root.tgz").write_bytes(gzip.compress((tmp_path / "root.tar").read_bytes()))
    assert argument_of(str(tmp_path / "root.tgz")).kind == "target"


def test_a_damaged_archive_is_no_archive_without_signatures(tmp_path: Path) -> None:
    """It is named as damaged: taken for something unsigned it would be compared without a look at its signatures."""
    layout = make_layout(tmp_path / "made")
    data = bytearray(gzip.compress(layout.archive(tmp_path / "image.tar").read_bytes()))
    data[len(data) // 2] ^= 0xFF
    (tmp_path / "image.tar.gz").write_bytes(data)
    with pytest.raises(TargetError, match="damaged"):
        argument_of(str(tmp_path / "image.tar.gz"))


def test_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("live").write_bytes(SBOM)
    kinds = [argument_of(name).kind for name in ("-", "live", "./live", "registry:a.b/c", "docker://a.b/c:1")]
    assert kinds == ["document", "live", "document", "registry", "registry"]


def test_a_pipe_is_not_read_to_find_out_what_it_is(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(SBOM))
    assert argument_of(str(pipe)).kind == "document"
    writer.start()
    assert pipe.read_bytes() == SBOM
    writer.join()


@pytest.mark.parametrize("name", ["absent", "file/below", "bad\0name", ""])
def test_what_is_not_there(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_bytes(SBOM)
    with pytest.raises(InputError):
        argument_of(str(tmp_path / name) if name else "absent-too")


def test_an_origin_says_who_vouches() -> None:
    key = "sha256:" + "a" * 64
    signed = Origin("i", "attested", "w", "verified", key, key, "p", (key,))
    assert signed.warning == "" and f"signed by sha256:{'a' * 12}…" in signed.says and "a" * 13 not in signed.says
    assert "NOT verified" in Origin("i", "attested", "w", "not_verified", key, key).says
    assert "NOBODY" in Origin("i", "attested", "w", "unsigned", key, key).says
    assert "nobody checked who made it" in Origin("d", "document", "w", "not_verified").warning
    assert Origin("d", "document", "w").warning == ""
