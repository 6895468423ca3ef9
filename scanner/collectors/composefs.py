"""composefs of ostree deployments: whether the image that becomes the root is the one that the commit states.

A signature covers the commit, and the commit states the fs-verity digest of the image; with `enabled=signed` the system
refuses another one at boot. The digest is computed again here, which costs reading the image (a few MB, no file
contents). The objects that hold the contents are not hashed.

Sources: ostree docs/composefs.md (`ostree.composefs.digest.v0`), src/libostree/ostree-core.h (form of a commit,
objects by checksum), ostree-prepare-root(1); kernel Documentation/filesystems/fsverity.rst.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from scanner.collectors.base import Collector, Look, reason_of
from scanner.model.errors import LimitError, ParseError, TargetError
from scanner.model.fact import Evidence, Fact, FactSpec, Json
from scanner.parsers.ostree import composefs_digest
from scanner.target.fsverity import file_digest

__all__ = ["COLLECTOR"]

_SYSROOTS = ("", "/sysroot")
_DEPLOYMENT = re.compile(r"([0-9a-f]{64})\.([0-9]{1,9})\Z")
_IMAGE = ".ostree.cfs"
_MAX_IMAGE = 1 << 30
_MAX_COMMIT = 8 << 20


def _images(look: Look) -> Json:
    records: list[dict[str, Json]] = []
    seen: set[str] = set()
    for top in _SYSROOTS:
        base = f"{top}/ostree/deploy"
        real = look.real(base)
        if real is None or real in seen:
            continue
        seen.add(real)
        for stateroot in look.try_names(base):
            for name in look.try_names(f"{base}/{stateroot}/deploy"):
                match = _DEPLOYMENT.match(name)
                path = f"{base}/{stateroot}/deploy/{name}/{_IMAGE}"
                if match is not None and look.entry(path) is not None:
                    records.append(_record(look, top, stateroot, match[1], int(match[2]), path))
    if not records:
        look.because(f"no deployment has a composefs image ({_IMAGE})")
        return None
    return records


def _record(look: Look, top: str, stateroot: str, checksum: str, serial: int, path: str) -> dict[str, Json]:
    record: dict[str, Json] = {"stateroot": stateroot, "checksum": checksum, "serial": serial, "source": path}
    try:
        commit = look.data(f"{top}/ostree/repo/objects/{checksum[:2]}/{checksum[2:]}.commit", _MAX_COMMIT)
        if commit is None:
            missing: Json = {"state": "error", "reason": "missing: the repository has no such commit"}
            return record | dict.fromkeys(("commit_intact", "stated", "measured", "agreement"), missing)
        stated = composefs_digest(commit)
        measured = _measured(look, path)
    except (TargetError, ParseError) as error:
        state = error.state if isinstance(error, TargetError) else "error"
        unread: Json = {"state": state, "reason": reason_of(error)}
        return record | dict.fromkeys(("commit_intact", "stated", "measured", "agreement"), unread)
    look.saw(Evidence(path, offset=0))
    agreement: Json = "matches" if stated == measured else "differs"
    if stated is None:
        agreement = {"state": "not_collected", "reason": "the commit states no digest of its composefs image"}
    intact = hashlib.sha256(commit).hexdigest() == checksum
    return record | {"commit_intact": intact, "stated": stated, "measured": measured, "agreement": agreement}


def _measured(look: Look, path: str) -> str:
    tree = look.target.tree
    canonical = tree.resolve(path)
    if tree.lstat(canonical).size > _MAX_IMAGE:
        raise LimitError(f"{path}: more than {_MAX_IMAGE} bytes")
    return file_digest(tree, canonical).hex()


def collect(look: Look) -> Iterator[Fact]:
    """See the module."""
    yield from look.facts({"ostree.composefs": _images})


COLLECTOR = Collector(
    id="composefs",
    facts=(
        FactSpec(
            "ostree.composefs",
            "table",
            "composefs images of ostree deployments, measured against the digest in their commit; absent without any.",
            on_demand=True,
            fields={
                "stateroot": "text: operating system name of ostree",
                "checksum": "text: commit",
                "serial": "number: deployment serial",
                "commit_intact": "flag: the commit in the repository has that checksum",
                "stated": "text: fs-verity digest that the commit states; null when it states none",
                "measured": "text: fs-verity digest of the image, SHA-256 over blocks of 4096 bytes",
                "agreement": "text: matches or differs; not collected when the commit states none",
                "source": "text: the image",
            },
        ),
    ),
    collect=collect,
)
