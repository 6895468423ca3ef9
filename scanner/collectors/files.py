"""Single files, globs, and the files of the whole tree that stand out.

Sources: inode(7), path_resolution(7), glob(7); xattr(7): security.selinux, system.posix_acl_access and _default.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator

from scanner.collectors import file_survey, userdb
from scanner.collectors.base import Collector, Look, each_argument
from scanner.model.canonical import printable
from scanner.model.errors import NotCollectedError, TargetError
from scanner.model.fact import Evidence, Fact, FactSpec, Json
from scanner.target import limits


def record_of(look: Look, path: str) -> dict[str, Json] | None:
    """What `path` leads to (a link that leads nowhere is described itself), or None when nothing is there."""
    entry = look.entry(path)
    link = look.link(path)
    if entry is None:
        entry = look.entry(path, follow=False)
        if entry is None:
            return None
    look.saw(Evidence(printable(path)))
    names = look.shared(userdb.names)
    return {
        "path": path,
        "real": entry.path,
        "type": entry.type,
        "owner": str(entry.uid),
        "owner_name": _name(names.users, entry.uid),
        "group": str(entry.gid),
        "group_name": _name(names.groups, entry.gid),
        "mode": entry.permissions,
        "link": link,
        **_labels(look, entry.path),
    }


def _name(names: dict[int, str] | None, number: int) -> Json:
    return {"state": "error", "reason": "the account files cannot be read"} if names is None else names.get(number)


def _labels(look: Look, path: str) -> dict[str, Json]:
    """SELinux label and whether there is an ACL; left out where the packing cannot hold attributes."""
    try:
        found = look.target.tree.xattrs(path)
    except NotCollectedError:
        return {}
    except TargetError as error:
        broken = userdb.unreadable(error)
        return {"selinux": broken, "acl": broken}
    acl = "system.posix_acl_access" in found or "system.posix_acl_default" in found
    label = found.get("security.selinux")
    if label is None and "labels" in look.target.tree.lost:
        return {"acl": acl}
    return {"selinux": None if label is None else label.rstrip(b"\0").decode("utf-8", "replace"), "acl": acl}


def _entry(look: Look, path: str) -> Json:
    record = record_of(look, path)
    if record is None:
        look.because(f"{path} does not exist")
    return record


def _matching(look: Look, pattern: str) -> Json:
    """Paths that match, component by component; a leading dot is matched by `*` too."""
    found = [""]
    for part in [piece for piece in pattern.split("/") if piece]:
        if not any(sign in part for sign in "*?["):
            found = [f"{path}/{part}" for path in found]
            continue
        found = [
            f"{path}/{name}"
            for path in found
            for name in look.try_names(path or "/")
            if fnmatch.fnmatchcase(name, part)
        ]
        if len(found) > limits.MAX_RECORDS:
            look.gap(pattern, f"limit: more than {limits.MAX_RECORDS} files")
            break
    table = []
    for path in found[: limits.MAX_RECORDS]:
        try:
            record = record_of(look, path)
        except TargetError as error:
            look.gap(path, str(error))
            continue
        if record is not None:
            table.append(record)
    return table


def _special(look: Look) -> Json:
    names = look.shared(userdb.names)
    if names.users is None or names.groups is None:
        look.gap("/etc/passwd", "the account files cannot be read: files without an owner are not known")
    for place, reason in file_survey.areas(look)[1]:
        look.gap(place, reason)
    found = file_survey.survey(look)
    table = [
        {
            "path": entry.path,
            "kind": kind,
            "type": entry.type,
            "mode": entry.permissions,
            "owner": str(entry.uid),
            "group": str(entry.gid),
        }
        for entry, kinds in found.special
        for kind in kinds
    ]
    if found.cut:
        look.gap("/", f"limit: more than {limits.MAX_RECORDS} files stand out")
    for path, reason in found.unreadable[:100]:
        look.gap(path, reason)
    return sorted(table[: limits.MAX_RECORDS], key=lambda record: (record["path"], record["kind"]))


def collect(look: Look) -> Iterator[Fact]:
    """See COLLECTOR."""
    yield from each_argument(look, "files.entry", _entry)
    yield from each_argument(look, "files.matching", _matching)
    yield from look.facts({"files.special": _special})


_RECORD = {
    "path": "text: path as asked for",
    "real": "text: canonical path it leads to",
    "type": "text: file, directory, char, block, fifo, socket; link when it leads nowhere",
    "owner": "text: uid",
    "owner_name": "text: name of that user (null: no local user has it)",
    "group": "text: gid",
    "group_name": "text: name of that group (null: no local group has it)",
    "mode": "text: the twelve permission bits, 0644",
    "link": "text: what the link at path says (null: no link)",
    "selinux": "text: SELinux label (null: none; missing: the packing holds no attributes)",
    "acl": "flag: it has an access control list (missing: the packing holds no attributes)",
}

COLLECTOR = Collector(
    id="files",
    facts=(
        FactSpec(
            "files.entry",
            "object",
            "One file, directory or other entry; links are followed. Absent when it is not there.",
            fields=_RECORD,
            argument="absolute path",
        ),
        FactSpec(
            "files.matching",
            "table",
            "Entries whose paths match a glob, by path; links are followed, * does not cross a /.",
            fields=_RECORD,
            argument="absolute path with *, ? or [...]",
        ),
        FactSpec(
            "files.special",
            "table",
            "Entries of the whole tree that stand out, one record for each reason, by path.",
            fields={
                "path": "text: path",
                "kind": "text: suid, sgid, world_writable_file, world_writable_dir_without_sticky, "
                "world_writable_dir_not_root, unowned, ungrouped, device_outside_dev, host_trust_file, "
                "library_not_root, library_not_root_group, library_writable, program_not_root, "
                "program_not_root_group, program_writable",
                "type": "text: file, directory, …",
                "mode": "text: permission bits",
                "owner": "text: uid",
                "group": "text: gid",
            },
        ),
    ),
    collect=collect,
)
