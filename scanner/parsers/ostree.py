"""Small texts of ostree and bootc systems: origin files, image references, prepare-root.conf, `bootc status`.

Sources: ostree `src/libostree/`, ostree-prepare-root(1), bootc `crates/ostree-ext/src/container/` (image references)
and `crates/lib/src/spec.rs` (status).
"""

from __future__ import annotations

import json
from typing import Any

from scanner.model.errors import ParseError
from scanner.model.records import dataclass
from scanner.parsers import gvariant

__all__ = ["ImageReference", "Keyfile", "composefs_digest", "image_reference", "parse_keyfile", "parse_status"]

_COMMIT = b"(a{sv}aya(say)sstayay)"
_DIGEST = "ostree.composefs.digest.v0"
_SHA256 = 32

Keyfile = dict[str, dict[str, str]]


def parse_keyfile(text: str) -> Keyfile:
    """Groups, keys and values of a GLib key file; of a key that stands twice the last value counts, as in GLib."""
    groups: Keyfile = {}
    group: dict[str, str] | None = None
    for number, raw in enumerate(text.splitlines(), start=1):
        line = raw.strip()
        if not line or line[0] == "#":
            continue
        if line[0] == "[":
            if line[-1] != "]" or len(line) < 3:
                raise ParseError("group header without ']'", line=number)
            group = groups.setdefault(line[1:-1], {})
            continue
        key, equals, value = line.partition("=")
        if not equals or group is None:
            raise ParseError("neither a group nor a key with a value", line=number)
        group[key.rstrip()] = value.lstrip()
    return groups


def composefs_digest(commit: bytes) -> str | None:
    """The fs-verity digest of the composefs image that a commit object states, as hex; None when it states none.

    Source: ostree src/libostree/ostree-core.h (OSTREE_COMMIT_GVARIANT_FORMAT), ostree-repo-composefs.c. Raises
    ParseError.
    """
    metadata: list[tuple[str, Any]] = gvariant.from_bytes(commit + b"\0" + _COMMIT)[1][0]
    values = [value for key, value in metadata if key == _DIGEST]
    if not values:
        return None
    (*_, value) = values
    if not isinstance(value, list) or len(value) != _SHA256 or not all(isinstance(one, int) for one in value):
        raise ParseError(f"{_DIGEST} is no digest of {_SHA256} bytes")
    return bytes(one & 0xFF for one in value).hex()


@dataclass(frozen=True, slots=True)
class ImageReference:
    """`verification`: policy (containers-policy.json must accept it), remote (signature of an ostree remote) or none.

    `transport` as policy.json names it (`docker` for a registry), `image` the rest.
    """

    verification: str
    transport: str
    image: str
    remote: str | None = None


_SCHEMES = {
    "ostree-image-signed": ("policy", False, False),
    "ostree-unverified-image": ("none", False, False),
    "ostree-unverified-registry": ("none", False, True),
    "ostree-remote-image": ("remote", True, False),
    "ostree-remote-registry": ("remote", True, True),
}


def image_reference(text: str) -> ImageReference:
    """Take a `container-image-reference` apart. Raises ParseError for an unknown scheme."""
    scheme, colon, rest = text.partition(":")
    if not colon or scheme not in _SCHEMES:
        raise ParseError(f"unknown kind of image reference {scheme[:60]!r}")
    verification, has_remote, is_registry = _SCHEMES[scheme]
    remote = None
    if has_remote:
        remote, colon, rest = rest.partition(":")
        if not colon:
            raise ParseError("image reference without remote")
    if is_registry:
        return ImageReference(verification, "docker", rest, remote)
    transport, colon, image = rest.partition(":")
    if not colon:
        raise ParseError("image reference without transport")
    if transport in ("docker", "registry"):
        return ImageReference(verification, "docker", image.removeprefix("//"), remote)
    return ImageReference(verification, transport, image, remote)


def parse_status(text: str) -> dict[str, Any]:
    """`bootc status --json` as plain records: `host` (what is asked for) and the slots `booted`, `staged`, `rollback`.

    Raises ParseError when it is not the status of a bootc host.
    """
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise ParseError("bootc status did not print JSON") from None
    if not isinstance(document, dict) or document.get("kind") != "BootcHost":
        raise ParseError("not the status of a bootc host")
    spec, status = _object(document.get("spec")), _object(document.get("status"))
    image = _object(spec.get("image"))
    slots = {name: _slot(name, status.get(name)) for name in ("booted", "staged", "rollback")}
    return {
        "image": _text(image.get("image")),
        "transport": _text(image.get("transport")),
        "signature": _signature(image.get("signature")),
        "boot_order": _text(spec.get("bootOrder")),
        "rollback_queued": status.get("rollbackQueued") is True,
        "type": _text(status.get("type")),
        **slots,
    }


def _slot(name: str, value: object) -> dict[str, Any] | None:
    if not isinstance(value, dict):
        return None
    image = _object(value.get("image"))
    reference = _object(image.get("image"))
    return {
        "slot": name,
        "image": _text(reference.get("image")),
        "digest": _text(image.get("imageDigest")),
        "version": _text(image.get("version")),
        "signature": _signature(reference.get("signature")),
        "checksum": _text(_object(value.get("ostree")).get("checksum")),
        "verity": _text(_object(value.get("composefs")).get("verity")),
        "pinned": value.get("pinned") is True,
    }


def _signature(value: object) -> str | None:
    """containerPolicy, insecure, or `ostreeRemote:<name>`; None when nothing is said (then nothing is verified)."""
    if isinstance(value, dict) and isinstance(value.get("ostreeRemote"), str):
        return f"ostreeRemote:{value['ostreeRemote']}"
    return _text(value)


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
