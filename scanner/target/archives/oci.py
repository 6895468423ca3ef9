"""OCI image layouts, OCI archives and docker archives: which layers make the tree, and that every digest holds.

Sources: opencontainers/image-spec `image-layout.md`, `manifest.md`, `image-index.md`, `config.md`; `docker save` format
(manifest.json with Config and Layers).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Any

from scanner.model.errors import DamagedError, LimitError, MissingError, NotCollectedError, TargetError, UsageError
from scanner.model.records import dataclass
from scanner.target import limits
from scanner.target.archives.layers import LayeredTree
from scanner.target.base import BlockDevice, FileTree
from scanner.target.containers import compressed
from scanner.target.containers.base import HEAD
from scanner.target.devices import SliceDevice

__all__ = ["ImageInside", "is_docker_archive", "is_oci_layout", "open_docker", "open_oci"]

_MAX_JSON = 4 * 1024 * 1024
_MAX_LAYERS = 512
_SHOWN = 20
_INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")


@dataclass(frozen=True, slots=True)
class ImageInside:
    """The image that was chosen: its tree, the digest of its manifest, its platform and its layers."""

    tree: LayeredTree
    digest: str | None
    platform: str
    layers: tuple[str, ...]
    labels: Mapping[str, str] = field(default_factory=dict)


def is_oci_layout(tree: FileTree) -> bool:
    """Whether the folder or archive is an OCI image layout."""
    return _there(tree, "/oci-layout") and _there(tree, "/index.json")


def is_docker_archive(tree: FileTree) -> bool:
    """Whether the archive is what `docker save` writes."""
    return _there(tree, "/manifest.json") and not _there(tree, "/etc")


def open_oci(tree: FileTree, platform: str | None) -> ImageInside:
    """The image of an OCI layout; of several, the one for `platform` (os/arch or arch)."""
    index = _json(tree.read("/index.json", _MAX_JSON), "index.json")
    descriptor = _choose(tree, index, platform, 0)
    digest = str(descriptor["digest"])
    manifest = _object(_json(_blob(tree, digest, _MAX_JSON), digest))
    layers = manifest.get("layers")
    if not isinstance(layers, list) or len(layers) > _MAX_LAYERS:
        raise DamagedError(f"{digest}: the manifest has no list of layers")
    config = _config(tree, manifest)
    digests = tuple(str(_object(one).get("digest")) for one in layers)
    stack = _Stack()
    for one in digests:
        stack.add(_Blob(tree, _blob_path(one)), one)
    return ImageInside(
        LayeredTree(stack.layers, whole=stack.checked), digest, _platform_of(config), digests, _labels(config)
    )


def open_docker(tree: FileTree) -> ImageInside:
    """The image of a docker archive. Raises UsageError when it holds several."""
    manifests = _json(tree.read("/manifest.json", _MAX_JSON), "manifest.json")
    if not isinstance(manifests, list) or not manifests or not isinstance(manifests[0], dict):
        raise DamagedError("manifest.json: a list of images is expected")
    if len(manifests) > 1:
        raise UsageError(f"this docker archive holds {len(manifests)} images", hint="save one image at a time")
    names = manifests[0].get("Layers")
    if not isinstance(names, list) or len(names) > _MAX_LAYERS:
        raise DamagedError("manifest.json: a list of layers is expected")
    config: Any = {}
    name = manifests[0].get("Config")
    if isinstance(name, str):
        config = _json(tree.read("/" + name, _MAX_JSON), name)
    stated = _object(_object(config).get("rootfs")).get("diff_ids")
    stated = stated if isinstance(stated, list) else []
    stack = _Stack()
    for number, path in enumerate(names):
        digest = str(stated[number]) if number < len(stated) else ""
        stack.add(_Blob(tree, tree.resolve("/" + str(path))), digest, unpacked_digest=True)
    return ImageInside(
        LayeredTree(stack.layers, whole=stack.checked),
        None,
        _platform_of(config),
        tuple(map(str, names)),
        _labels(config),
    )


# ---- parts ------------------------------------------------------------------------------------------------------


class _Blob(BlockDevice):
    """A file of a tree as a device."""

    def __init__(self, tree: FileTree, path: str) -> None:
        self._tree = tree
        self._path = path
        self.name = path.rpartition("/")[2]
        self.size = tree.lstat(path).size

    def pread(self, offset: int, length: int) -> bytes:
        """See BlockDevice."""
        return self._tree.pread(self._path, offset, length)


class _Stack:
    """The layers of one image, each blob unpacked once, however often it is named, and all of them bounded together."""

    def __init__(self) -> None:
        self.layers: list[BlockDevice] = []
        self.checked = True
        """Whether every layer had a digest, which held."""
        self._known: dict[tuple[str, str], BlockDevice] = {}
        self._packed = 0
        self._unpacked = 0

    def add(self, blob: _Blob, digest: str, *, unpacked_digest: bool = False) -> None:
        """Put a layer on top. Raises DamagedError, NotCollectedError, LimitError."""
        layer = self._known.get((blob.name, digest))
        if layer is None:
            layer = self._known[blob.name, digest] = _layer(blob, digest, unpacked_digest=unpacked_digest)
            self._packed += blob.size
            self._unpacked += layer.size
        if self._unpacked > limits.FREE_UNPACKED + limits.MAX_RATIO * self._packed:
            raise LimitError(f"the layers unpack to more than {self._unpacked} bytes")
        self.checked = self.checked and bool(digest)
        self.layers.append(layer)


def _object(value: Any) -> Mapping[str, Any]:
    """A JSON object; an empty one in the place of anything else."""
    return value if isinstance(value, dict) else {}


def _there(tree: FileTree, path: str) -> bool:
    try:
        return tree.stat(path).type == "file"
    except TargetError:
        return False


def _json(data: bytes, what: str) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise DamagedError(f"{what}: not JSON: {error}") from None


def _blob_path(digest: str) -> str:
    algorithm, _, value = digest.partition(":")
    if algorithm not in ("sha256", "sha512") or not value.isalnum() or len(value) not in (64, 128):
        raise DamagedError(f"not a digest: {digest[:100]!r}")
    return f"/blobs/{algorithm}/{value}"


def _blob(tree: FileTree, digest: str, limit: int) -> bytes:
    """The bytes of a blob, its digest checked."""
    data = tree.read(_blob_path(digest), limit)
    algorithm, _, value = digest.partition(":")  # checked by _blob_path
    if hashlib.new(algorithm, data).hexdigest() != value:
        raise DamagedError(f"{digest}: the blob does not match its digest")
    return data


def _choose(tree: FileTree, index: Any, platform: str | None, depth: int) -> Mapping[str, Any]:
    """The descriptor of the manifest to read."""
    manifests = index.get("manifests") if isinstance(index, dict) else None
    if not isinstance(manifests, list) or depth > 3:
        raise DamagedError("index.json: a list of manifests is expected")
    images: list[Mapping[str, Any]] = [
        one for one in manifests if isinstance(one, dict) and "digest" in one and not _is_attached(one)
    ]
    if not images:
        raise UsageError("the image index is empty")
    if platform is not None or len(images) > 1:
        images = _meant([(one, _words(tree, one)) for one in images], platform)
    chosen = images[0]
    if chosen.get("mediaType") in _INDEXES:
        inner = _json(_blob(tree, str(chosen["digest"]), _MAX_JSON), str(chosen["digest"]))
        return _choose(tree, inner, platform, depth + 1)
    return chosen


def _is_attached(descriptor: Mapping[str, Any]) -> bool:
    """Signatures, attestations and other artefacts beside the image are not images."""
    annotations = descriptor.get("annotations")
    kind = annotations.get("vnd.docker.reference.type") if isinstance(annotations, dict) else None
    name = str(annotations.get("org.opencontainers.image.ref.name", "")) if isinstance(annotations, dict) else ""
    referrers = name.startswith("sha256-") and len(name) == 71  # the tag that lists them (OCI 1.1)
    return kind is not None or "artifactType" in descriptor or referrers or name.endswith((".sig", ".att", ".sbom"))


def _meant(every: Sequence[tuple[Mapping[str, Any], list[str]]], platform: str | None) -> list[Mapping[str, Any]]:
    """The one image that --platform means; an index inside the index is asked again. Raises UsageError."""
    fitting = [
        (one, words)
        for one, words in every
        if platform is None or platform in words or (one.get("mediaType") in _INDEXES and "platform" not in one)
    ]
    different = {str(one["digest"]): (one, words) for one, words in fitting}
    if len(different) == 1:
        return [one for one, _ in different.values()]
    shown = [words[0] for _, words in (different.values() or every)]
    listed = ", ".join(dict.fromkeys(shown[:_SHOWN])) + (", …" if len(shown) > _SHOWN else "")
    if not different:
        raise UsageError(f"the image index has no image for {platform}; it holds {listed}", hint="name one of these")
    hint = "choose one with --platform: its platform, its tag or its digest"
    raise UsageError(f"the image index holds {len(different)} images that fit: {listed}", hint=hint)


def _words(tree: FileTree, descriptor: Mapping[str, Any]) -> list[str]:
    """What --platform may call an image; the first is for people.

    An index made by tagging several builds names no platforms: then the configuration of each image does.
    """
    digest = str(descriptor["digest"])
    annotations = descriptor.get("annotations")
    tag = annotations.get("org.opencontainers.image.ref.name") if isinstance(annotations, dict) else None
    name = tag if isinstance(tag, str) and tag else digest[:19]
    platform = descriptor.get("platform")
    if not isinstance(platform, dict) and descriptor.get("mediaType") not in _INDEXES:
        try:
            platform = _config(tree, _object(_json(_blob(tree, digest, _MAX_JSON), digest)))
        except TargetError:  # an image that cannot be read is one of them all the same
            platform = None
    if not isinstance(platform, dict) or "architecture" not in platform:
        return [name, digest]
    arch = str(platform["architecture"])
    full = f"{platform.get('os')}/{arch}"
    words = [full, arch]
    if platform.get("variant"):
        words.insert(0, f"{full}/{platform['variant']}")
    return [f"{words[0]} ({name})", *words, name, digest]


def _config(tree: FileTree, manifest: Any) -> Any:
    descriptor = manifest.get("config")
    if not isinstance(descriptor, dict) or "digest" not in descriptor:
        return {}
    try:
        return _json(_blob(tree, str(descriptor["digest"]), _MAX_JSON), str(descriptor["digest"]))
    except MissingError:
        return {}


def _platform_of(config: Any) -> str:
    return f"{config.get('os', '?')}/{config.get('architecture', '?')}" if isinstance(config, dict) else "?"


def _labels(config: Any) -> dict[str, str]:
    inner = config.get("config") if isinstance(config, dict) else None
    labels = inner.get("Labels") if isinstance(inner, dict) else None
    return {str(key): str(value) for key, value in labels.items()} if isinstance(labels, dict) else {}


def _layer(blob: BlockDevice, digest: str, *, unpacked_digest: bool = False) -> BlockDevice:
    """The tar stream of a layer, its digest checked: of the blob as it is, or of the unpacked layer (docker)."""
    if digest and not unpacked_digest:
        _check(blob, digest)
    container = next((one for one in compressed.CONTAINERS if one.probe(blob.pread(0, HEAD))), None)
    opened = container.open(blob)[0] if container is not None else SliceDevice(blob, 0, blob.size, blob.name)
    if digest and unpacked_digest:
        _check(opened, digest)
    return opened


def _check(device: BlockDevice, digest: str) -> None:
    algorithm, _, value = digest.partition(":")
    if algorithm not in ("sha256", "sha512"):
        raise NotCollectedError(f"unsupported: digest {algorithm}")
    total = hashlib.new(algorithm)
    at = 0
    while at < device.size:
        data = device.pread(at, 1 << 20)
        if not data:
            break
        total.update(data)
        at += len(data)
    if total.hexdigest() != value:
        raise DamagedError(f"{device.name}: the layer does not match its digest {digest}")
