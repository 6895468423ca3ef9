"""One walk over the whole tree for all collectors that ask which of its files stand out.

The walk leaves out /proc, /sys, /dev and /run, network and pseudo file systems of a running system
(/proc/self/mountinfo, proc(5)), and the physical root of an ostree system (/sysroot), whose files are seen at /.
Source: inode(7).
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Mapping
from weakref import WeakKeyDictionary

from scanner.collectors import userdb
from scanner.collectors.base import Look, reason_of
from scanner.model.errors import TargetError
from scanner.model.records import dataclass
from scanner.target import limits
from scanner.target.base import Entry, FileTree

__all__ = ["Survey", "areas", "kinds", "left_out", "survey"]

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

_SET_ID = stat.S_ISUID | stat.S_ISGID


@dataclass(frozen=True, slots=True)
class Survey:
    """What one walk found. `cut`: more stood out than `special` holds; `set_id` and `unreadable` are whole.

    `special`: entries that stand out, each with its kinds; `set_id`: programs that run as their owner or group;
    `unreadable`: places that could not be read, with the reason.
    """

    special: tuple[tuple[Entry, tuple[str, ...]], ...]
    set_id: tuple[Entry, ...]
    unreadable: tuple[tuple[str, str], ...]
    cut: bool


_SURVEYS: WeakKeyDictionary[FileTree, Survey] = WeakKeyDictionary()


def survey(look: Look) -> Survey:
    """The survey of the look's tree, made once for each tree. It is no evidence of the fact under construction."""
    tree = look.target.tree
    if tree not in _SURVEYS:
        _SURVEYS[tree] = _survey(Look(look.target, (), {}))
    return _SURVEYS[tree]


def _survey(look: Look) -> Survey:
    tree = look.target.tree
    names, places = userdb.names(look), areas(look)[0]
    special: list[tuple[Entry, tuple[str, ...]]] = []
    set_id: list[Entry] = []
    records = 0
    for entry in tree.walk("/", skip=left_out(look)):
        # Nearly every entry ends here: one test of bits, two look-ups of numbers, one of the place.
        if records <= limits.MAX_RECORDS and (found := tuple(kinds(entry, names, places))):
            special.append((entry, found))
            records += len(found)
        if entry.mode & _SET_ID and entry.mode & 0o111 and stat.S_ISREG(entry.mode):
            set_id.append(entry)
    return Survey(tuple(special), tuple(set_id), tuple(tree.unreadable), records > limits.MAX_RECORDS)


def left_out(look: Look) -> tuple[str, ...]:
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


def areas(look: Look) -> tuple[dict[str, tuple[str, ...]], list[tuple[str, str]]]:
    """Where libraries and programs lie, by their own names and by those that links give them (on an ostree system
    /usr/local is a link to /var/usrlocal); and the places that cannot be looked up, with the reason."""
    found: dict[str, tuple[str, ...]] = {}
    unknown: list[tuple[str, str]] = []
    for area, places in _AREAS.items():
        known = dict.fromkeys(places)
        for place in places:
            try:
                real = look.real(place.rstrip("/"))
            except TargetError as error:
                unknown.append((place, reason_of(error)))
                continue
            if real is not None and real != "/":
                known.setdefault(f"{real}/")
        found[area] = tuple(known)
    return found, unknown


def kinds(entry: Entry, names: userdb.Names, places: Mapping[str, tuple[str, ...]] = _AREAS) -> Iterator[str]:
    """Why the entry stands out; `names` say which owners there are, `places` where libraries and programs lie."""
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
        yield from _system_kinds(entry, places)
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
