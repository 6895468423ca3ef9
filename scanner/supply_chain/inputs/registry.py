"""An image of a registry, with its signatures and attestations, fetched by skopeo into an OCI layout for this one run.

The only part of the program that uses the network, and only when the user says so. Taken are the image (of an index the
platforms asked for) and what is tagged for it: `sha256-<digest>.sig`, `.att`, `.sbom` (cosign) and `sha256-<digest>`
(the referrers tag of OCI 1.1; skopeo cannot ask the referrers interface itself). Every manifest is kept byte by byte.
skopeo's own policy check is off, because nothing is believed here: whoever needs a signature verifies it afterwards.
Credentials, certificates and mirrors are those of skopeo's own files. Sources: skopeo(1), containers-transports(5),
opencontainers/distribution-spec `spec.md` (referrers tag schema), sigstore/cosign `specs/SIGNATURE_SPEC.md`.
"""

from __future__ import annotations

import hashlib
import json
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scanner.model.errors import InputError, LimitError, NotCollectedError, UsageError
from scanner.supply_chain.inputs.arguments import REGISTRIES
from scanner.supply_chain.signing.artifact import DIGEST
from scanner.supply_chain.signing.documents import MAX_PARTS, read_object
from scanner.supply_chain.signing.oci_layouts import INDEXES, platform_words
from scanner.supply_chain.signing.result import RefusedError
from scanner.target import command

__all__ = ["Reference", "fetched", "parse_reference"]

MAX_SECONDS = 3600
"""Deadline of one fetch."""
MAX_BYTES = 32 * 1024 * 1024 * 1024
"""Bytes of all blobs of one fetch, as the manifests state them."""
MAX_MANIFESTS = 200
MAX_TAGS = 1_000_000

_SPARE = 16 * 1024 * 1024
"""Bytes by which a file may be larger than any blob: skopeo's own files."""
_MAX_DEPTH = 3
_SUFFIXES = ("", ".sig", ".att", ".sbom")
_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_REF_NAME = "org.opencontainers.image.ref.name"
_ENVIRONMENT = (
    "HOME",
    "XDG_RUNTIME_DIR",
    "XDG_CONFIG_HOME",
    "REGISTRY_AUTH_FILE",
    "DOCKER_CONFIG",
    "CONTAINERS_REGISTRIES_CONF",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
)
"""What skopeo may know of the caller: where its settings and credentials are, and how to reach the network."""
_REFERENCE = re.compile(
    r"(?P<repository>[A-Za-z0-9.-]+(?::[0-9]{1,5})?(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)+)"
    r"(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True, slots=True)
class Reference:
    """`repository`: host, port and name; `which`: `:tag` or `@digest`."""

    repository: str
    which: str


def parse_reference(name: str) -> Reference:
    """The image behind `registry:HOST/NAME:TAG` or `docker://…`. Raises UsageError.

    The host is always written out: no name means two images on two machines. A digest counts more than a tag.
    """
    prefix = next((one for one in REGISTRIES if name.startswith(one)), "")
    found = _REFERENCE.fullmatch(name.removeprefix(prefix)) if prefix else None
    host = found["repository"].partition("/")[0] if found else ""
    if found is None or not ("." in host or ":" in host or host == "localhost"):
        raise UsageError(
            "not the name of an image in a registry",
            where=name,
            hint="write registry:HOST/NAME:TAG or registry:HOST/NAME@sha256:…",
        )
    return Reference(found["repository"], f"@{found['digest']}" if found["digest"] else f":{found['tag'] or 'latest'}")


@contextmanager
def fetched(
    name: str, platform: str, environment: Mapping[str, str], *, progress: Callable[[str], None] | None = None
) -> Iterator[Path]:
    """The folder with the layout of an image, as long as the context lasts. `environment`: of the caller.

    Raises UsageError, InputError (the registry refuses), LimitError.
    """
    reference = parse_reference(name)
    with tempfile.TemporaryDirectory(prefix="assay-registry-") as top:
        known = {key: environment[key] for key in _ENVIRONMENT if key in environment}
        fetch = _Fetch(name, reference, Path(top), platform, known | {"TMPDIR": top}, progress)
        fetch.all()
        yield fetch.layout


class _Fetch:
    """One fetch: its folder, and what of its budgets is left."""

    def __init__(
        self,
        name: str,
        reference: Reference,
        top: Path,
        platform: str,
        environment: Mapping[str, str],
        progress: Callable[[str], None] | None,
    ) -> None:
        self.layout = top / "layout"
        self._name = name
        self._reference = reference
        self._platform = platform
        self._environment = environment
        self._progress = progress
        self._until = time.monotonic() + MAX_SECONDS
        self._bytes = 0
        self._manifests: set[str] = set()
        self._copy = top / "copy"

    def all(self) -> None:
        """The image and everything that is tagged for it."""
        if self._progress is not None:
            self._progress(f"assay: fetching {self._reference.repository}{self._reference.which}")
        for algorithm in ("sha256", "sha512"):
            (self.layout / "blobs" / algorithm).mkdir(parents=True)
        image = self._bring(self._reference.which, self._platform)
        listed = [{**image, "annotations": {_REF_NAME: self._reference.which[1:]}}]
        wanted = [f"{digest.replace(':', '-')}{end}" for digest in sorted(self._manifests) for end in _SUFFIXES]
        tags = self._tags()
        for tag in wanted:
            if tag in tags:
                listed.append({**self._bring(f":{tag}", ""), "annotations": {_REF_NAME: tag}})
        index = {"schemaVersion": 2, "manifests": listed}
        (self.layout / "index.json").write_bytes(json.dumps(index, sort_keys=True).encode())
        (self.layout / "oci-layout").write_bytes(b'{"imageLayoutVersion":"1.0.0"}')

    def _bring(self, which: str, platform: str, depth: int = 0) -> dict[str, Any]:
        """The descriptor of a manifest or index that was brought into the layout, with all below it."""
        data = self._skopeo("inspect", "--raw", f"docker://{self._reference.repository}{which}")
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        if which.startswith("@") and which != f"@{digest}":
            raise InputError(f"the registry gave {digest} for {which[1:]}", where=self._name)
        document = self._object(data, digest)
        kind = document.get("mediaType")
        descriptor = {"digest": digest, "size": len(data)}
        descriptor["mediaType"] = (
            kind if isinstance(kind, str) else INDEXES[0] if "manifests" in document else _MANIFEST
        )
        if digest in self._manifests:
            return descriptor
        self._manifests.add(digest)
        if len(self._manifests) > MAX_MANIFESTS or depth > _MAX_DEPTH:
            raise LimitError(f"{self._name}: more than {MAX_MANIFESTS} manifests, or nested too deeply")
        self._blob(digest).write_bytes(data)
        if "manifests" in document:
            for one in self._inside(document, platform):
                self._bring(f"@{one}", platform, depth + 1)
        else:
            self._blobs(digest, document)
        return descriptor

    def _inside(self, index: Mapping[str, Any], platform: str) -> list[str]:
        """Digests of the manifests of an index: of images those for `platform`, where one was asked for."""
        listed = index["manifests"]
        if not isinstance(listed, list) or not all(isinstance(one, dict) for one in listed):
            raise InputError("an index of the registry is not in its form", where=self._name)
        chosen = [one for one in listed if not platform or platform in platform_words(one)]
        if platform and not chosen:
            raise UsageError(f"the index has no image for {platform}", where=self._name)
        digests = [str(one.get("digest")) for one in chosen]
        if not all(DIGEST.fullmatch(one) and one.startswith("sha256:") for one in digests):
            raise InputError("an index of the registry names something that is no digest", where=self._name)
        return digests

    def _blobs(self, digest: str, manifest: Mapping[str, Any]) -> None:
        """Bring what a manifest lists. skopeo checks every digest; so does whoever reads the layout."""
        layers = manifest.get("layers")
        sizes = [
            one.get("size") if isinstance(one, dict) else None
            for one in (manifest.get("config"), *(layers if isinstance(layers, list) else [None]))
        ]
        if not all(isinstance(one, int) and not isinstance(one, bool) and one >= 0 for one in sizes):
            raise InputError(f"{digest}: not a manifest with a config and layers of known size", where=self._name)
        self._bytes += sum(one for one in sizes if one)
        if self._bytes > MAX_BYTES:
            raise LimitError(f"{self._name}: more than {MAX_BYTES} bytes")
        self._skopeo(
            "copy", "--quiet", "--preserve-digests", f"docker://{self._reference.repository}@{digest}",
            f"dir:{self._copy}", file_bytes=max(one for one in sizes if one is not None) + _SPARE,
        )  # fmt: skip
        for path in self._copy.iterdir():
            if re.fullmatch(r"[0-9a-f]{64}|[0-9a-f]{128}", path.name):
                path.replace(self.layout / "blobs" / ("sha256" if len(path.name) == 64 else "sha512") / path.name)
            else:
                path.unlink()
        self._copy.rmdir()

    def _tags(self) -> frozenset[str]:
        data = self._skopeo("list-tags", f"docker://{self._reference.repository}")
        document = self._object(data, "the list of tags", parts=MAX_TAGS)
        tags = document.get("Tags")
        return frozenset(one for one in tags if isinstance(one, str)) if isinstance(tags, list) else frozenset()

    def _object(self, data: bytes, what: str, *, parts: int = MAX_PARTS) -> dict[str, Any]:
        try:
            return read_object(data, what, parts=parts)
        except RefusedError as error:
            raise InputError(error.message, where=self._name) from None

    def _blob(self, digest: str) -> Path:
        return self.layout / "blobs" / digest.replace(":", "/")

    def _skopeo(self, verb: str, *arguments: str, file_bytes: int | None = None) -> bytes:
        left = self._until - time.monotonic()
        if left <= 0:
            raise LimitError(f"{self._name}: took longer than {MAX_SECONDS} s")
        try:
            done = command.run(
                "skopeo", "--insecure-policy", verb, *arguments,
                seconds=left, environment=self._environment, file_bytes=file_bytes,
            )  # fmt: skip
        except NotCollectedError as error:
            raise UsageError(error.message, hint="it fetches images: apt-get install skopeo") from None
        if done.code != 0:
            raise InputError(f"skopeo {verb}: {_last_line(done.errors)}", where=self._name)
        return done.output


def _last_line(errors: bytes) -> str:
    """What skopeo says last, without its log format."""
    lines = [line for line in errors.decode("utf-8", "replace").splitlines() if line.strip()]
    said = re.search(r'msg="((?:[^"\\]|\\.)*)"', lines[-1]) if lines else None
    text = said[1].replace('\\"', '"') if said else lines[-1] if lines else "it failed and says nothing"
    return text[-400:]
