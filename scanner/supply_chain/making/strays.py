"""Files that run or are loaded and that nothing claims, or that are not what their package brought."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from scanner.model.errors import TargetError
from scanner.supply_chain.making.inventory import Item, OwnedFile, StrayFile
from scanner.supply_chain.making.site import Site
from scanner.supply_chain.making.walking import Walked
from scanner.target.base import Entry

__all__ = ["Claims", "stray_files"]

_ELF = b"\x7fELF"
_SCRIPT = b"#!"
_MOST_STRAYS = 20_000
_SYSTEM = frozenset({"rpm", "deb", "apk"})


class Claims:
    """Which paths items claim: by name, by a folder of theirs, or as another name of one file."""

    def __init__(self, items: Iterable[Item], walked: Walked) -> None:
        items = list(items)
        self._paths = {file.path for item in items for file in item.files}
        self._folders = {folder for item in items for folder in item.folders}
        self._paths.update(str(item.properties["assay:path"]) for item in items if "assay:path" in item.properties)
        self._twins = {
            key for key, paths in walked.twins.items() if len(paths) > 1 and any(path in self._paths for path in paths)
        }

    def __contains__(self, entry: Entry) -> bool:
        if entry.path in self._paths or (entry.device, entry.inode) in self._twins:
            return True
        folder = entry.path.rpartition("/")[0]
        while folder:
            if folder in self._folders:
                return True
            folder = folder.rpartition("/")[0]
        return False


def stray_files(site: Site, walked: Walked, items: Sequence[Item]) -> list[StrayFile]:
    """Every such file with its digests, by path. Those that nothing claims are read first, then what the system's
    packages brought: the bytes that may be read of one target can run out."""
    claims = Claims(items, walked)
    loose = [entry for _, entry in sorted(walked.files.items()) if entry not in claims]
    found: list[StrayFile] = []
    for entry in loose:
        kind = _confirmed(site, entry.path, walked.kinds[entry.path])
        if kind and len(found) == _MOST_STRAYS:
            site.gap("files", f"limit: more than {_MOST_STRAYS} files that nothing claims", entry.path)
            break
        if kind:
            found.append(_stray(site, entry, kind, ""))
    brought = _brought(items)
    later = {file.path for item in items if item.ecosystem not in _SYSTEM for file in item.files}
    for path in sorted(brought.keys() & walked.files.keys(), key=lambda path: (path in later, path)):
        entry = walked.files[path]
        owner = _changed(site, entry, brought[path])
        if owner:
            kind = walked.kinds[path]
            found.append(_stray(site, entry, kind, owner))
    return sorted(found, key=lambda stray: stray.path)


def _stray(site: Site, entry: Entry, kind: str, owner: str) -> StrayFile:
    made = site.digests(entry.path, entry.size, ("sha256", "sha1", "git")) or {}
    return StrayFile(entry.path, kind, made.get("sha256", ""), made.get("sha1", ""), owner, made.get("git", ""))


def _brought(items: Iterable[Item]) -> dict[str, list[tuple[OwnedFile, str]]]:
    """Path to what packages say of its content, with their keys; settings are meant to be changed."""
    found: dict[str, list[tuple[OwnedFile, str]]] = {}
    for item in items:
        for file in item.files:
            if file.digest and not file.config:
                found.setdefault(file.path, []).append((file, item.key))
    return found


def _changed(site: Site, entry: Entry, brought: Sequence[tuple[OwnedFile, str]]) -> str:
    """Key of the package whose content this is not any more; empty when one of them knows the content."""
    made = site.digests(entry.path, entry.size, tuple({file.algorithm for file, _ in brought}))
    if made is None or any(made[file.algorithm] == file.digest for file, _ in brought):
        return ""
    return brought[0][1]


def _confirmed(site: Site, path: str, kind: str) -> str:
    """The kind by the first bytes of the file; empty when it cannot run (text with an x bit, an empty file)."""
    if kind in ("kernel module", "unit"):
        return kind
    try:
        head = site.tree.pread(path, 0, 4)
    except TargetError as error:
        site.gap("files", error, path)
        return ""
    if kind == "script":
        return "program" if head == _ELF else "script" if head[:2] == _SCRIPT else ""
    return kind if head == _ELF else ""
