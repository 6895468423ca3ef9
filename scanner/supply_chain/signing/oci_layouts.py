"""OCI image layouts as a place where signatures lie: the image that is meant, and what is attached to it.

Attached is what is tagged `sha256-<digest>.sig`, `.att` or `.sbom` (cosign), what names the image as its `subject` (OCI
1.1), what the fallback tag `sha256-<digest>` lists, what `cosign save` marks by `kind`, and what BuildKit lists beside
the image in its index. A tag is nobody's word: of which image a signature speaks is said only by what was signed.

Sources: opencontainers/image-spec `image-layout.md`, `manifest.md`; opencontainers/distribution-spec (referrers tag
schema); sigstore/cosign `specs/SIGNATURE_SPEC.md`, `specs/BUNDLE_SPEC.md`, `pkg/oci/layout`; moby/buildkit
`docs/attestations/attestation-storage.md`.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scanner.model.errors import DamagedError, LimitError, MissingError, TargetError, UsageError
from scanner.supply_chain.signing.artifact import DIGEST
from scanner.supply_chain.signing.documents import MAX_DOCUMENT, read_object
from scanner.supply_chain.signing.result import RefusedError
from scanner.target.base import FileTree

__all__ = ["INDEXES", "Attached", "Image", "Layout", "platform_words"]

INDEXES = ("application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json")

_REF_NAME = "org.opencontainers.image.ref.name"
_SAVED = ("dev.cosignproject.cosign/sigs", "dev.cosignproject.cosign/atts")
_BESIDE, _BESIDE_WHICH = "vnd.docker.reference.type", "vnd.docker.reference.digest"
_SUFFIXES = (".sig", ".att", ".sbom")
_MAX_MANIFEST = 4 * 1024 * 1024
_MAX_READ = 64 * 1024 * 1024
"""Bytes of manifests of one layout: they are kept."""
_MAX_BLOBS = 1024 * 1024 * 1024
"""Bytes of all that is attached."""
_MAX_MANIFESTS = 10_000
_MAX_ATTACHED = 1_000
_TOO_MANY = f"more than {_MAX_ATTACHED} things are attached to one image"
_MAX_DEPTH = 4
_CHUNK = 1 << 20
_SHOWN = 20


@dataclass(frozen=True, slots=True)
class Image:
    """A manifest, or an index of manifests: `data` are the bytes whose digest it goes by."""

    digest: str
    data: bytes
    document: Mapping[str, Any]
    platform: str = ""

    @property
    def is_index(self) -> bool:
        """Whether it lists manifests instead of layers."""
        return "manifests" in self.document


@dataclass(frozen=True, slots=True)
class Attached:
    """A layer of a manifest attached to an image. `problem`: why it cannot be read; then `digest` is empty."""

    place: str
    media_type: str
    digest: str
    annotations: Mapping[str, str]
    problem: str = ""


class Layout:
    """The layout in a folder or archive. Raises RefusedError, TargetError."""

    def __init__(self, tree: FileTree) -> None:
        self._tree = tree
        self._read = 0
        self._blobs = 0
        self._whole: set[tuple[str, Any]] = set()
        self._known: dict[str, Image] = {}
        index = read_object(tree.read("/index.json", _MAX_MANIFEST), "index.json")
        self._listed = _descriptors(index, "index.json")

    def choose(self, platform: str) -> tuple[Image, ...]:
        """The image that is meant, then the indexes that list it, innermost first. Raises UsageError unless it is one.

        An index is itself what is meant when it holds several images and no platform was said.
        """
        own = [one for one in self._listed if not self._is_attached(one)]
        digests = {str(one.get("digest")) for one in own}
        if len(digests) > 1 and platform:
            own = [one for one in own if self._holds(one, platform)]
            digests = {str(one.get("digest")) for one in own}
        if len(digests) != 1:
            names = ", ".join(sorted(_name(one) for one in own)[:_SHOWN])
            raise UsageError(
                f"the layout holds {len(digests)} images{f' for {platform}' if platform else ''}: {names or 'none'}",
                hint="choose one with --platform, or copy one image: skopeo copy",
            )
        return self._inside(own[0], platform, ())

    def attached(self, image: Image) -> Iterator[Attached]:
        """What is attached to an image, each manifest once."""
        algorithm, _, value = image.digest.partition(":")
        tag = f"{algorithm}-{value}"
        done: set[str] = set()
        count = 0
        for descriptor, place in self._attached_to(image.digest, tag):
            digest = str(descriptor.get("digest"))
            if digest in done or digest == image.digest:
                continue
            done.add(digest)
            for one in self._layers(descriptor, place):
                count += 1
                if count > _MAX_ATTACHED:
                    raise LimitError(_TOO_MANY)
                yield one

    def attested_in(self, index: Image, image: Image) -> Iterator[Attached]:
        """What BuildKit put into an index beside an image: attestations, none of them signed."""
        for one in _items(index.document, "manifests"):
            notes = _annotations(one) if isinstance(one, dict) else {}
            if notes.get(_BESIDE) == "attestation-manifest" and notes.get(_BESIDE_WHICH) == image.digest:
                yield from self._layers(one, f"listed by index {index.digest[:19]}")

    def blob(self, digest: str) -> bytes:
        """The bytes of a blob, its digest checked."""
        data = self._tree.read(_path(digest), MAX_DOCUMENT)
        self._blobs += len(data)
        if self._blobs > _MAX_BLOBS:
            raise LimitError(f"what is attached has more than {_MAX_BLOBS} bytes")
        if hashlib.new(digest.partition(":")[0], data).hexdigest() != digest.partition(":")[2]:
            raise RefusedError(f"the blob {digest} does not match its digest")
        return data

    def everything(self, images: Sequence[Image]) -> list[Attached]:
        """What is attached to an image or to the indexes that list it (as `choose` gives them), each once."""
        chosen, *above = images
        found: dict[tuple[str, str], Attached] = {}
        for one in itertools.chain(
            *(self.attached(image) for image in images), *(self.attested_in(index, chosen) for index in above)
        ):
            found[one.place, one.digest] = one
            if len(found) > _MAX_ATTACHED:
                raise LimitError(_TOO_MANY)
        return list(found.values())

    def check_content(self, image: Image) -> None:
        """Raise RefusedError, TargetError unless every blob that the manifest lists is here as it says."""
        for descriptor in (image.document.get("config"), *_items(image.document, "layers")):
            if not isinstance(descriptor, dict):
                raise DamagedError(f"{image.digest}: the manifest has no config or layers")
            self._check(descriptor)

    def missing(self, index: Image) -> list[str]:
        """Digests of manifests that an index lists and that are not in the layout."""
        return [digest for digest in _listed_digests(index) if not self._has(digest)]

    def images_in(self, index: Image) -> Iterator[Image]:
        """The images below an index that are in the layout, each once."""
        ahead, seen = [index], {index.digest}
        while ahead:
            for digest in _listed_digests(ahead.pop()):
                if digest in seen or not self._has(digest):
                    continue
                seen.add(digest)
                inner = self.image(digest)
                if inner.is_index:
                    ahead.append(inner)
                else:
                    yield inner

    def image(self, digest: str, platform: str = "") -> Image:
        """The manifest or index with this digest."""
        found = self._known.get(digest)
        if found is None:
            data = self._tree.read(_path(digest), _MAX_MANIFEST)
            self._read += len(data)
            if self._read > _MAX_READ or len(self._known) >= _MAX_MANIFESTS:
                raise LimitError("the layout holds more manifests than are looked at")
            if hashlib.new(digest.partition(":")[0], data).hexdigest() != digest.partition(":")[2]:
                raise RefusedError(f"the blob {digest} does not match its digest")
            document = read_object(data, f"the manifest {digest}")
            if "manifests" in document and ("layers" in document or "config" in document):
                raise RefusedError(f"{digest} can be read as an index and as a manifest")
            found = self._known[digest] = Image(digest, data, document, platform)
        return found

    # ---- parts ------------------------------------------------------------------------------------------------------

    def _inside(self, descriptor: Mapping[str, Any], platform: str, above: tuple[Image, ...]) -> tuple[Image, ...]:
        image = self.image(str(descriptor.get("digest")), _platform(descriptor))
        if not image.is_index:
            self._refuse_other(image, platform)
            return (image, *above)
        if len(above) >= _MAX_DEPTH:
            raise DamagedError("indexes lie in indexes too deeply")
        inner = [one for one in _descriptors(image.document, image.digest) if not _is_marked(one)]
        if platform:
            inner = [one for one in inner if self._holds(one, platform)]
            if not inner:
                raise UsageError(f"the index {image.digest} has no image for {platform}")
        if len({str(one.get("digest")) for one in inner}) != 1:
            if platform:
                raise UsageError(f"the index {image.digest} has {len(inner)} images for {platform}")
            return (image, *above)
        return self._inside(inner[0], platform, (image, *above))

    def _refuse_other(self, image: Image, platform: str) -> None:
        """Raise UsageError when an image is for another platform than was asked for, by its own configuration."""
        config = image.document.get("config")
        if not platform or not isinstance(config, dict):
            return
        said = read_object(self.blob(str(config.get("digest"))), "the configuration of the image")
        if platform not in platform_words({"platform": said}):
            raise UsageError(f"the image is for {_platform({'platform': said})}, not for {platform}")

    def _holds(self, descriptor: Mapping[str, Any], platform: str) -> bool:
        """Whether a descriptor is for a platform, or leads to an image that is; one that does not say may be."""
        if isinstance(descriptor.get("platform"), dict):
            return platform in platform_words(descriptor)
        if descriptor.get("mediaType") not in INDEXES:
            return True
        inner = _descriptors(self.image(str(descriptor.get("digest"))).document, "an index")
        return any(platform in platform_words(one) for one in inner)

    def _is_attached(self, descriptor: Mapping[str, Any]) -> bool:
        """Whether an entry of index.json is no image of its own."""
        if _is_marked(descriptor):
            return True
        tag = _tag(descriptor)
        if tag.endswith(_SUFFIXES) or (tag.startswith("sha256-") and len(tag) == 71):
            return True
        try:
            found = self.image(str(descriptor.get("digest"))).document
        except MissingError:
            return False
        return isinstance(found.get("subject"), dict) or "artifactType" in found

    def _attached_to(self, digest: str, tag: str) -> Iterator[tuple[Mapping[str, Any], str]]:
        for descriptor in self._listed:
            name = _tag(descriptor)
            if name in tuple(tag + suffix for suffix in _SUFFIXES):
                yield descriptor, f"tag {name}"
            elif name == tag:
                listing = self.image(str(descriptor.get("digest")))
                for one in _items(listing.document, "manifests"):
                    if isinstance(one, dict):
                        yield one, f"listed by tag {name}"
            elif _annotations(descriptor).get("kind") in _SAVED:
                yield descriptor, "saved by cosign"
            elif self._is_attached(descriptor):
                subject = self.image(str(descriptor.get("digest"))).document.get("subject")
                if isinstance(subject, dict) and subject.get("digest") == digest:
                    yield descriptor, "referrer"

    def _layers(self, descriptor: Mapping[str, Any], place: str) -> Iterator[Attached]:
        digest = str(descriptor.get("digest"))
        place = f"{place}, manifest {digest[:19]}"
        try:
            manifest = self.image(digest).document
        except (TargetError, RefusedError) as error:
            yield Attached(place, "", "", {}, error.message)
            return
        for number, layer in enumerate(_items(manifest, "layers")):
            where = f"{place}, layer {number}"
            if not isinstance(layer, dict) or not isinstance(layer.get("digest"), str):
                yield Attached(where, "", "", {}, "the layer is not in its form")
                continue
            yield Attached(where, str(layer.get("mediaType")), layer["digest"], _annotations(layer))

    def _check(self, descriptor: Mapping[str, Any]) -> None:
        digest, size = str(descriptor.get("digest")), descriptor.get("size")
        path = _path(digest)
        if (digest, size) in self._whole:
            return
        entry = self._tree.stat(path)
        if entry.size != size:
            raise RefusedError(f"the blob {digest} has {entry.size} bytes, its manifest says {str(size)[:40]}")
        total, at, real = hashlib.new(digest.partition(":")[0]), 0, self._tree.resolve(path)
        while at < entry.size:
            data = self._tree.pread(real, at, min(_CHUNK, entry.size - at))
            if not data:
                break
            total.update(data)
            at += len(data)
        if total.hexdigest() != digest.partition(":")[2]:
            raise RefusedError(f"the blob {digest} does not match its digest")
        self._whole.add((digest, size))

    def _has(self, digest: str) -> bool:
        try:
            return self._tree.stat(_path(digest)).type == "file"
        except MissingError:
            return False


def _path(digest: str) -> str:
    if not DIGEST.fullmatch(digest):
        raise DamagedError(f"not a digest: {digest[:100]!r}")
    algorithm, _, value = digest.partition(":")
    return f"/blobs/{algorithm}/{value}"


def _items(document: Mapping[str, Any], name: str) -> list[Any]:
    found = document.get(name)
    return found if isinstance(found, list) else []


def _descriptors(index: Mapping[str, Any], what: str) -> list[Mapping[str, Any]]:
    found = index.get("manifests")
    if not isinstance(found, list) or len(found) > _MAX_MANIFESTS or not all(isinstance(one, dict) for one in found):
        raise DamagedError(f"{what}: a list of manifests is expected")
    return found


def _listed_digests(index: Image) -> list[str]:
    return [str(one.get("digest")) for one in _descriptors(index.document, index.digest) if not _is_marked(one)]


def _annotations(descriptor: Mapping[str, Any]) -> dict[str, str]:
    found = descriptor.get("annotations")
    return {name: value for name, value in found.items() if isinstance(value, str)} if isinstance(found, dict) else {}


def _tag(descriptor: Mapping[str, Any]) -> str:
    """The tag: of a whole reference, what stands behind its last colon."""
    return _annotations(descriptor).get(_REF_NAME, "").rpartition(":")[2]


def _is_marked(descriptor: Mapping[str, Any]) -> bool:
    """Whether the descriptor itself says that it leads to no image."""
    notes = _annotations(descriptor)
    return "artifactType" in descriptor or _BESIDE in notes or notes.get("kind") in _SAVED


def _name(descriptor: Mapping[str, Any]) -> str:
    return _platform(descriptor) or _tag(descriptor) or str(descriptor.get("digest"))[:19]


def _platform(descriptor: Mapping[str, Any]) -> str:
    return next(iter(platform_words(descriptor)), "")


def platform_words(descriptor: Mapping[str, Any]) -> list[str]:
    """How a platform may be called, the longest first: os/arch/variant, os/arch, arch."""
    platform = descriptor.get("platform")
    if not isinstance(platform, dict):
        return []
    arch = str(platform.get("architecture"))
    words = [f"{platform.get('os')}/{arch}", arch]
    return [f"{words[0]}/{platform['variant']}", *words] if platform.get("variant") else words
