"""Files that a document lists, held against the content of the target."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from scanner.model.canonical import printable
from scanner.model.errors import MissingError, TargetError
from scanner.supply_chain.making.inventory import StrayFile
from scanner.supply_chain.making.site import Site
from scanner.supply_chain.truth.claims import Claim
from scanner.supply_chain.truth.result import Difference
from scanner.target.base import Entry
from scanner.target.secrets import holds_secret

__all__ = ["Listed", "check_files"]

_ALGORITHMS = ("sha256", "sha512", "sha384", "sha1", "md5", "sha3-256", "sha3-512")
"""Those that can be computed, the one to be compared first."""


@dataclass(slots=True)
class Listed:
    """The outcome. `paths`, `refs`: of files that are there; `unsure`: files of which nobody can say."""

    paths: set[str] = field(default_factory=set)
    refs: set[str] = field(default_factory=set)
    differences: list[Difference] = field(default_factory=list)
    unsure: list[tuple[str, str]] = field(default_factory=list)
    relative: list[str] = field(default_factory=list)


def check_files(site: Site, claims: Iterable[Claim], strays: Mapping[str, StrayFile]) -> Listed:
    """Compare every listed file. `strays`: files whose digests are known already, by path as
    documents write it.

    Names that begin with a dot and slash, as SPDX has them, are below the root of the target if any of them is there;
    other relative names are of a source tree and cannot be looked for.
    """
    found = Listed()
    missing: list[tuple[Claim, str]] = []
    rooted = False
    for claim in claims:
        name = claim.paths[0] if claim.paths else claim.component.name
        if not name.startswith(("/", "./")):
            found.relative.append(name)
            continue
        known = strays.get(name.removeprefix("."))
        path = known.path if known is not None else site.canonical(name.removeprefix("."))
        try:
            entry = site.tree.lstat(path) if path is not None else None
        except MissingError:
            entry = None
        except TargetError as error:
            found.unsure.append((name, str(error)))
            continue
        if path is None or entry is None:
            missing.append((claim, name))
            continue
        rooted = True
        found.paths.add(printable(path))
        found.refs.add(claim.component.ref)
        if entry.type == "file":
            _content(site, claim, entry, known, found)
    for claim, name in missing:
        if name.startswith("/") or rooted:
            found.differences.append(
                Difference(
                    "component_absent",
                    "file",
                    name,
                    f"The document lists the file {name.removeprefix('.')}, which is not there.",
                    listed=next(iter(claim.component.hashes.values()), ""),
                    ref=claim.component.ref,
                    place=claim.component.place,
                )
            )
        else:
            found.relative.append(name)
    return found


def _content(site: Site, claim: Claim, entry: Entry, known: StrayFile | None, found: Listed) -> None:
    path = entry.path
    hashes = claim.component.hashes
    algorithm = next((name for name in _ALGORITHMS if name in hashes), None)
    if algorithm is None or holds_secret(path):
        return
    word = algorithm.replace("sha3-", "sha3_")
    made: dict[str, str] | None = None
    if known is not None and word in ("sha256", "sha1"):
        made = {word: known.sha256 if word == "sha256" else known.sha1} if known.sha256 else None
    elif word in hashlib.algorithms_available:
        made = site.digests(path, entry.size, (word,))
    if made is None:
        found.unsure.append((path, "its content could not be read"))
    elif made[word] != hashes[algorithm]:
        found.differences.append(
            Difference(
                "hash_differs",
                "file",
                path,
                f"The content of {path} is not the one that the document lists ({algorithm}).",
                listed=hashes[algorithm],
                found=made[word],
                ref=claim.component.ref,
                place=claim.component.place,
                source=path,
            )
        )
