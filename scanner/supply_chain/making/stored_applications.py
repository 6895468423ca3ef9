"""Container images that lie on the device or that its services ask for, and flatpaks.

Source: containers-storage.conf(5) and the files of its overlay driver; podman-systemd.unit(5); flatpak(1) and
flatpak-metadata(5).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from scanner.model.canonical import printable
from scanner.model.fact import Fact
from scanner.supply_chain.making.inventory import Item
from scanner.supply_chain.making.names import oci_purl, purl
from scanner.supply_chain.making.site import Site

__all__ = ["container_items", "flatpak_items"]

_STORES = ("/var/lib/containers/storage", "/usr/lib/containers/storage", "/usr/share/containers/storage")
_DRIVERS = ("overlay", "vfs", "btrfs")
_DOCKER = "/var/lib/docker/image/overlay2/repositories.json"
_MOST_TEXT = 32 * 1024 * 1024
_MOST = 10_000
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_FLATPAK = "/var/lib/flatpak"
_COMMIT = re.compile(r"[0-9a-f]{64}")


def container_items(site: Site, quadlets: Fact | None) -> Iterator[Item]:
    """Images in the stores of podman and docker, then those that Quadlet files name and no store has."""
    stored: set[str] = set()
    for place, names, digest in [*_podman(site), *_docker(site)]:
        stored.update(names)
        name = min(names, default=digest)
        yield _image(name, digest, place, {"assay:names": " ".join(sorted(names))} if len(names) > 1 else {})
    records = quadlets.value if quadlets is not None and isinstance(quadlets.value, list) else []
    for record in records:
        image = record.get("image")
        if isinstance(image, str) and image and not image.endswith((".image", ".build")) and image not in stored:
            found = _DIGEST.search(image)
            yield _image(image, found[0] if found else "", str(record["source"]), {"assay:stored": "no"})


def _image(name: str, digest: str, place: str, properties: dict[str, str]) -> Item:
    base = name.partition("@")[0]
    short = base.rpartition("/")[2]
    return Item(
        ecosystem="container",
        name=printable(base.removesuffix(f":{short.partition(':')[2]}") if ":" in short else base),
        version=digest or printable(short.partition(":")[2]),
        type="container",
        purl=oci_purl(name, digest),
        hashes={"sha256": digest.removeprefix("sha256:")} if digest else {},
        place=place,
        properties=properties,
    )


def _json(site: Site, path: str) -> Any:
    text = site.text(path, _MOST_TEXT, "container images")
    if text is None:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        site.gap("container images", "malformed: no JSON", path)
        return None


def _podman(site: Site) -> Iterator[tuple[str, frozenset[str], str]]:
    seen: set[str] = set()
    for store in _STORES:
        for driver in _DRIVERS:
            entry = site.entry(f"{store}/{driver}-images/images.json")
            if entry is None or entry.path in seen:
                continue
            seen.add(entry.path)
            listed = _json(site, entry.path)
            for one in (listed if isinstance(listed, list) else [])[:_MOST]:
                digest = one.get("digest") if isinstance(one, dict) else None
                if isinstance(digest, str) and _DIGEST.fullmatch(digest):
                    yield entry.path, _texts(one.get("names")), digest
                else:
                    site.gap("container images", "malformed: an image without digest", entry.path)


def _texts(value: Any) -> frozenset[str]:
    return frozenset(one for one in value if isinstance(one, str) and one) if isinstance(value, list) else frozenset()


def _docker(site: Site) -> Iterator[tuple[str, frozenset[str], str]]:
    data = _json(site, _DOCKER)
    repositories = data.get("Repositories") if isinstance(data, dict) else None
    found: dict[str, set[str]] = {}
    for tags in repositories.values() if isinstance(repositories, dict) else ():
        for name, image in tags.items() if isinstance(tags, dict) else ():
            if isinstance(image, str) and _DIGEST.fullmatch(image):
                found.setdefault(image, set()).add(name)
    for image, names in sorted(found.items())[:_MOST]:
        yield _DOCKER, frozenset(names), image


def flatpak_items(site: Site) -> Iterator[Item]:
    """Deployed applications and runtimes: ID, architecture and branch name the folder, `active` the commit."""
    for kind in ("app", "runtime"):
        for name in site.names(f"{_FLATPAK}/{kind}", "flatpaks"):
            for arch in site.names(f"{_FLATPAK}/{kind}/{name}", "flatpaks"):
                for branch in site.names(f"{_FLATPAK}/{kind}/{name}/{arch}", "flatpaks"):
                    folder = f"{_FLATPAK}/{kind}/{name}/{arch}/{branch}"
                    active = site.entry(f"{folder}/active")
                    if kind == "app" and arch == "current":
                        continue
                    if active is None or active.type != "directory":
                        continue
                    commit = active.path.rpartition("/")[2]
                    yield Item(
                        ecosystem="flatpak",
                        name=printable(name),
                        version=printable(branch),
                        type="application" if kind == "app" else "framework",
                        arch=printable(arch),
                        purl=purl("generic", "flatpak", name, branch, arch=arch),
                        place=folder,
                        properties={"assay:flatpak:commit": commit} if _COMMIT.fullmatch(commit) else {},
                    )
