"""Single files, globs, and one walk over the whole tree for files that stand out.

Sources: inode(7), path_resolution(7), glob(7); xattr(7): security.selinux, system.posix_acl_access and _default.
The walk leaves out /proc, /sys, /dev and /run, network and pseudo file systems of a running system
(/proc/self/mountinfo, proc(5)), and the physical root of an ostree system (/sysroot), whose files are seen at /.
"""

from __future__ import annotations

import fnmatch
import stat
from collections.abc import Iterator, Mapping

from scanner.collectors import userdb
from scanner.collectors.base import Collector, Look, each_argument, reason_of
from scanner.model.canonical import printable
from scanner.model.errors import NotCollectedError, TargetError
from scanner.model.fact import Evidence, Fact, FactSpec, Json
from scanner.target import limits
from scanner.target.base import Entry

_SKIP = ("/proc", "/sys", "/dev", "/run")
_PSEUDO = frozenset(
    {
        "9p",
        "afs",
        "autofs",
        "binfmt_misc",
        "bpf",
        "ceph",
        "cgroup",
        "cgroup2",
        "cifs",
        "configfs",
        "debugfs",
        "devpts",
        "devtmpfs",
        "efivarfs",
        "fusectl",
        "glusterfs",
        "hugetlbfs",
        "lustre",
        "mqueue",
        "nfs",
        "nfs4",
        "nsfs",
        "proc",
        "pstore",
        "rpc_pipefs",
        "securityfs",
        "selinuxfs",
        "smb3",
        "sysfs",
        "tracefs",
        "virtiofs",
    }
)
_LIBRARY = ("/lib/", "/lib64/", "/usr/lib/", "/usr/lib64/")
_PROGRAM = ("/bin/", "/sbin/", "/usr/bin/", "/usr/sbin/", "/usr/libexec/", "/usr/local/bin/", "/usr/local/sbin/")
_AREAS = {"library": _LIBRARY, "program": _PROGRAM}
_TRUST_NAMES = frozenset({".rhosts", ".shosts", "hosts.equiv", "shosts.equiv"})
_SUSPECT = stat.S_ISUID | stat.S_ISGID | stat.S_IWOTH


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
    label = found.get("security.selinux")
    return {
        "selinux": None if label is None else label.rstrip(b"\0").decode("utf-8", "replace"),
        "acl": "system.posix_acl_access" in found or "system.posix_acl_default" in found,
    }


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


def _left_out(look: Look) -> tuple[str, ...]:
    """Directories that the walk does not enter."""
    skip = list(_SKIP)
    if look.entry("/sysroot/ostree/repo") is not None:
        skip.append("/sysroot")
    if look.target.kind == "live":
        # Not for a tree with a running half: a mount table inside it could hide what lies there. And no evidence: what
        # is left out says nothing about what was found, and the table is another one after every boot.
        for line in look.runtime.read("/proc/self/mountinfo").decode("utf-8", "surrogateescape").split("\n"):
            before, dash, after = line.partition(" - ")
            fields = before.split(" ")
            kind = after.partition(" ")[0]
            if dash and len(fields) > 4 and (kind in _PSEUDO or kind.startswith("fuse")) and fields[4] != "/":
                skip.append(fields[4].replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\"))
    return tuple(skip)


def _special(look: Look) -> Json:
    names = look.shared(userdb.names)
    if names.users is None or names.groups is None:
        look.gap("/etc/passwd", "the account files cannot be read: files without an owner are not known")
    tree = look.target.tree
    areas = _areas(look)
    table: list[Json] = []
    for entry in tree.walk("/", skip=_left_out(look)):
        # Nearly every entry ends here: one test of bits, two look-ups of numbers, one of the place.
        kinds = list(_kinds(entry, names, areas))
        for kind in kinds:
            table.append(
                {
                    "path": entry.path,
                    "kind": kind,
                    "type": entry.type,
                    "mode": entry.permissions,
                    "owner": str(entry.uid),
                    "group": str(entry.gid),
                }
            )
        if len(table) > limits.MAX_RECORDS:
            look.gap("/", f"limit: more than {limits.MAX_RECORDS} files stand out")
            break
    for path, reason in tree.unreadable[:100]:
        look.gap(path, reason)
    return sorted(table[: limits.MAX_RECORDS], key=lambda record: (record["path"], record["kind"]))


def _areas(look: Look) -> dict[str, tuple[str, ...]]:
    """Where libraries and programs lie, by their own names and by those that links give them: on an ostree system
    /usr/local is a link to /var/usrlocal."""
    found: dict[str, tuple[str, ...]] = {}
    for area, places in _AREAS.items():
        known = dict.fromkeys(places)
        for place in places:
            try:
                real = look.real(place.rstrip("/"))
            except TargetError as error:
                look.gap(place, reason_of(error))
                continue
            if real is not None and real != "/":
                known.setdefault(f"{real}/")
        found[area] = tuple(known)
    return found


def _kinds(entry: Entry, names: userdb.Names, areas: Mapping[str, tuple[str, ...]] = _AREAS) -> Iterator[str]:
    mode = entry.mode
    form = stat.S_IFMT(mode)
    if mode & _SUSPECT:
        if form == stat.S_IFREG:
            if mode & stat.S_ISUID:
                yield "suid"
            if mode & stat.S_ISGID:
                yield "sgid"
            if mode & stat.S_IWOTH:
                yield "world_writable_file"
        elif form == stat.S_IFDIR and mode & stat.S_IWOTH:
            if not mode & stat.S_ISVTX:
                yield "world_writable_dir_without_sticky"
            if entry.uid:
                yield "world_writable_dir_not_root"
    if names.users is not None and entry.uid not in names.users:
        yield "unowned"
    if names.groups is not None and entry.gid not in names.groups:
        yield "ungrouped"
    if form in (stat.S_IFCHR, stat.S_IFBLK):
        # A 0:0 character device is an overlay's mark of a deleted file and opens nothing.
        if entry.rdev or form == stat.S_IFBLK:
            yield "device_outside_dev"
    elif form in (stat.S_IFREG, stat.S_IFDIR) and (entry.uid or entry.gid or mode & 0o022):
        yield from _system_kinds(entry, areas)
    if entry.path.rpartition("/")[2] in _TRUST_NAMES:
        yield "host_trust_file"


def _system_kinds(entry: Entry, areas: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    """Files and directories of libraries and programs that someone but root could change."""
    place = f"{entry.path}/" if entry.type == "directory" else entry.path
    area = next((area for area, places in areas.items() if place.startswith(places)), None)
    if area is None:
        return
    if entry.uid:
        yield f"{area}_not_root"
    if entry.gid:
        yield f"{area}_not_root_group"
    if entry.mode & 0o022:
        yield f"{area}_writable"


def collect(look: Look) -> Iterator[Fact]:
    """See COLLECTOR."""
    yield from each_argument(look, "files.entry", _entry)
    yield from each_argument(look, "files.matching", _matching)
    if look.wants("files.special"):
        yield look.fact("files.special", _special)


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
