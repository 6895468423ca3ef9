"""Choosing an image of an OCI index: by platform, tag or digest, also where the index itself names no platforms."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from scanner.model.errors import UsageError
from scanner.target.opening import open_path

_INDEX = "application/vnd.oci.image.index.v1+json"


def _blob(layout: Path, value: Any) -> str:
    data = json.dumps(value).encode()
    name = hashlib.sha256(data).hexdigest()
    folder = layout / "blobs/sha256"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(data)
    return f"sha256:{name}"


def _image(layout: Path, arch: str) -> str:
    config = _blob(layout, {"os": "linux", "architecture": arch, "rootfs": {"type": "layers", "diff_ids": []}})
    return _blob(layout, {"schemaVersion": 2, "config": {"digest": config}, "layers": []})


def _tagged(digest: str, tag: str) -> dict[str, Any]:
    return {"digest": digest, "annotations": {"org.opencontainers.image.ref.name": tag}}


def _layout(tmp_path: Path, manifests: list[dict[str, Any]]) -> Path:
    (tmp_path / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    (tmp_path / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": manifests}))
    return tmp_path


@pytest.fixture
def two(tmp_path: Path) -> Path:
    """Two builds under two tags, as umoci and skopeo leave them: no platform stands in the index."""
    return _layout(tmp_path, [_tagged(_image(tmp_path, arch), arch[:3]) for arch in ("amd64", "arm64")])


@pytest.mark.parametrize("word", ["linux/arm64", "arm64", "arm"])
def test_platform_tag(two: Path, word: str) -> None:
    assert open_path(two, platform=word).layout()["platform"] == "linux/arm64"


def test_digest(two: Path) -> None:
    digest = json.loads((two / "index.json").read_text())["manifests"][1]["digest"]
    assert open_path(two, platform=digest).digest == digest


def test_no_choice_and_a_wrong_one(two: Path) -> None:
    with pytest.raises(UsageError, match=r"2 images that fit: linux/amd64 \(amd\), linux/arm64 \(arm\)"):
        open_path(two)
    with pytest.raises(UsageError, match=r"no image for riscv64; it holds linux/amd64 \(amd\)"):
        open_path(two, platform="riscv64")


def test_two_tags_of_one_image(tmp_path: Path) -> None:
    digest = _image(tmp_path, "amd64")
    assert open_path(_layout(tmp_path, [_tagged(digest, "v1"), _tagged(digest, "latest")])).digest == digest


def test_the_only_image_is_for_another_platform(tmp_path: Path) -> None:
    layout = _layout(tmp_path, [_tagged(_image(tmp_path, "amd64"), "v1")])
    with pytest.raises(UsageError, match="no image for arm64"):
        open_path(layout, platform="arm64")


def test_an_index_in_the_index(tmp_path: Path) -> None:
    inner = [
        {"digest": _image(tmp_path, arch), "platform": {"os": "linux", "architecture": arch}}
        for arch in ("amd64", "arm64")
    ]
    outer = {"mediaType": _INDEX, "digest": _blob(tmp_path, {"manifests": inner})}
    assert open_path(_layout(tmp_path, [outer]), platform="arm64").layout()["platform"] == "linux/arm64"
