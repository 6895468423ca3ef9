"""The regular files of packages as components, with the digests of what really lies there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from scanner.model.canonical import printable
from scanner.model.errors import MissingError, TargetError
from scanner.supply_chain.making.inventory import Item, OwnedFile, file_key
from scanner.supply_chain.making.names import swhid
from scanner.supply_chain.making.site import Site
from scanner.supply_chain.model import Component, Relation
from scanner.target.secrets import holds_secret

__all__ = ["CHANGED", "file_components"]

CHANGED = "assay:changed-since-installation"
"""Property of a file whose content is not what its package brought."""

_DIGESTS = ("sha256", "sha1")
_GIT = "git"


def file_components(
    site: Site, items: Sequence[Item], refs: Mapping[str, str], listed: Set[str]
) -> tuple[list[Component], list[Relation]]:
    """A component for each regular file that items claim, by path, and who contains it; `listed`: paths
    that stand in the document already.

    A file that may hold a secret is listed without digest: it would be a guessing oracle.
    """
    components: dict[str, Component] = {}
    relations: list[Relation] = []
    claims = sorted(
        (
            (file, item)
            for item in items
            for file in item.files
            if "assay:path" not in item.properties and file.path not in listed
        ),
        key=lambda claim: (claim[0].path, claim[1].key),
    )
    for file, item in claims:
        ref = file_key(file.path)
        if ref not in components:
            made = _component(site, file, ref)
            if made is None:
                continue
            components[ref] = made
        relations.append(Relation(refs[item.key], "contains", ref))
    return list(components.values()), relations


def _component(site: Site, file: OwnedFile, ref: str) -> Component | None:
    try:
        entry = site.tree.lstat(file.path)
    except MissingError:
        return None  # left out at installation, or made only when the system runs
    except TargetError as error:
        site.gap("files", error, file.path)
        return None
    if entry.type != "file":
        return None
    name = printable(file.path)
    properties = {"assay:path": name}
    if holds_secret(file.path):
        return Component(ref, name, "", "file", properties=properties)
    wanted = dict.fromkeys((*_DIGESTS, _GIT, file.algorithm) if file.digest else (*_DIGESTS, _GIT))
    made = site.digests(file.path, entry.size, tuple(wanted)) or {}
    if file.digest and made and made[file.algorithm] != file.digest:
        properties[CHANGED] = "yes"
    properties.update(swhid(made.get(_GIT, "")))
    hashes = {algorithm: made[algorithm] for algorithm in _DIGESTS if algorithm in made}
    return Component(ref, name, "", "file", hashes=hashes, properties=properties)
