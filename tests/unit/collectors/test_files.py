"""Files: one entry, globs, and the walk for what stands out."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from scanner.collectors.base import Look
from scanner.collectors.file_survey import kinds as kinds_of
from scanner.collectors.file_survey import left_out
from scanner.collectors.registry import collect
from scanner.collectors.userdb import Names
from scanner.target.base import Entry
from scanner.target.tree import TreeTarget
from tests.support import build, fact_of

PASSWD = f"root:x:0:0::/root:/bin/sh\nme:x:{os.getuid() or 1000}:0::/:/bin/sh\n"
GROUP = f"root:x:0:\nus:x:{os.getgid() or 1000}:\n"


def tree(root: Path) -> Path:
    return build(root, {"/etc/passwd": PASSWD, "/etc/group": GROUP})


def test_an_entry(tmp_path: Path) -> None:
    root = tree(tmp_path)
    os.chmod(root / "etc/passwd", 0o640)
    fact = fact_of(root, "files.entry:/etc/passwd")
    assert fact.value["mode"] == "0640"
    assert fact.value["owner"] == str(os.getuid())
    assert fact.value["owner_name"] in ("root", "me")
    assert (fact.value["type"], fact.value["link"], fact.value["real"]) == ("file", None, "/etc/passwd")
    assert fact.value["acl"] is False
    assert "/etc/passwd" in [one.source for one in fact.evidence]


def test_an_entry_that_is_not_there(tmp_path: Path) -> None:
    assert fact_of(tree(tmp_path), "files.entry:/etc/none").state == "absent"
    assert fact_of(tree(tmp_path / "b"), "files.entry:/etc/passwd/none").state == "absent"


def test_a_link_is_judged_by_what_it_leads_to(tmp_path: Path) -> None:
    root = tree(tmp_path)
    build(root, {"/srv/shadow": "x", "/etc/shadow": ("link", "/srv/shadow"), "/etc/gone": ("link", "/nowhere")})
    os.chmod(root / "srv/shadow", 0o644)
    value = fact_of(root, "files.entry:/etc/shadow").value
    assert (value["mode"], value["type"], value["link"], value["real"]) == (
        "0644",
        "file",
        "/srv/shadow",
        "/srv/shadow",
    )
    assert fact_of(root, "files.entry:/etc/gone").value["type"] == "link"


def test_unreadable_account_files_spoil_only_the_names(tmp_path: Path) -> None:
    root = build(tmp_path, {"/etc/passwd": b"\0", "/etc/issue": "x"})
    value = fact_of(root, "files.entry:/etc/issue").value
    assert value["owner_name"]["state"] == "error"
    assert value["mode"].startswith("0")


def test_a_loop_of_links_is_an_error(tmp_path: Path) -> None:
    root = tree(tmp_path)
    build(root, {"/etc/a": ("link", "/etc/b"), "/etc/b": ("link", "/etc/a")})
    assert fact_of(root, "files.entry:/etc/a").state == "error"


def test_globs(tmp_path: Path) -> None:
    root = tree(tmp_path)
    build(root, {"/etc/ssh/a_key": "", "/etc/ssh/b_key": "", "/etc/ssh/b.pub": "", "/etc/ssh/x/c_key": ""})
    value = fact_of(root, "files.matching:/etc/ssh/*_key").value
    assert [one["path"] for one in value] == ["/etc/ssh/a_key", "/etc/ssh/b_key"]
    value = fact_of(root, "files.matching:/e*/ssh/?.pub").value
    assert [one["path"] for one in value] == ["/etc/ssh/b.pub"]
    assert fact_of(root, "files.matching:/none/*").value == []
    assert fact_of(root, "files.matching:/etc/ssh/x/c_key").value[0]["type"] == "file"


def special(root: Path) -> list[tuple[str, str]]:
    fact = fact_of(root, "files.special")
    assert fact.state == "present" and fact.complete
    return [(one["path"], one["kind"]) for one in fact.value]


def test_the_walk(tmp_path: Path) -> None:
    root = tree(tmp_path)
    build(
        root,
        {
            "/opt/su": "",
            "/opt/sg": "",
            "/opt/open": "",
            "/tmp/x": "",
            "/free/x": "",
            "/proc/open": "",
            "/root/.shosts": "",
        },
    )
    for name, mode in (("opt/su", 0o4755), ("opt/sg", 0o2755), ("opt/open", 0o666), ("proc/open", 0o666)):
        os.chmod(root / name, mode)
    os.chmod(root / "tmp", 0o1777)
    os.chmod(root / "free", 0o777)
    mine = [item for item in special(root) if item[1] != "world_writable_dir_not_root"]
    assert mine == [
        ("/free", "world_writable_dir_without_sticky"),
        ("/opt/open", "world_writable_file"),
        ("/opt/sg", "sgid"),
        ("/opt/su", "suid"),
        ("/root/.shosts", "host_trust_file"),
    ]


def test_the_physical_root_of_ostree_isleft_out(tmp_path: Path) -> None:
    root = tree(tmp_path)
    build(root, {"/sysroot/open": ""})
    os.chmod(root / "sysroot/open", 0o666)
    assert ("/sysroot/open", "world_writable_file") in special(root)
    (root / "sysroot/ostree/repo").mkdir(parents=True)
    assert special(root) == []


def test_file_systems_of_a_running_system(tmp_path: Path) -> None:
    mounts = (
        "22 1 0:21 / / rw - ext4 /dev/sda1 rw\n"
        "23 22 0:22 / /mnt/a\\040b rw,relatime shared:1 - nfs4 server:/x rw\n"
        "24 22 0:23 / /home rw - ext4 /dev/sdb rw\n"
        "25 22 0:24 / /media rw - fuse.sshfs x rw\n"
    )
    root = build(tmp_path, {"/proc/self/mountinfo": mounts})
    target = TreeTarget(root, runtime=True)
    assert left_out(Look(target, (), {})) == ("/proc", "/sys", "/dev", "/run"), "a table inside a tree hides nothing"
    target.kind = "live"
    assert left_out(Look(target, (), {})) == ("/proc", "/sys", "/dev", "/run", "/mnt/a b", "/media")
    target.close()


NAMES = Names({0: "root", 1000: "me"}, {0: "root", 1000: "us"})


@pytest.mark.parametrize(
    ("path", "mode", "uid", "gid", "kinds"),
    [
        ("/opt/x", stat.S_IFREG | 0o644, 0, 0, []),
        ("/opt/x", stat.S_IFREG | 0o644, 5, 0, ["unowned"]),
        ("/opt/x", stat.S_IFLNK | 0o777, 0, 7, ["ungrouped"]),
        ("/opt/x", stat.S_IFBLK | 0o600, 0, 0, ["device_outside_dev"]),
        ("/opt/d", stat.S_IFDIR | 0o1777, 1000, 0, ["world_writable_dir_not_root"]),
        ("/usr/lib/a.so", stat.S_IFREG | 0o775, 1000, 1000, ["library_not_root", "library_not_root_group", "library_writable"]),
        ("/usr/lib", stat.S_IFDIR | 0o775, 0, 0, ["library_writable"]),
        ("/usr/bin/a", stat.S_IFREG | 0o2755, 0, 1000, ["sgid", "program_not_root_group"]),
        ("/usr/libx/a", stat.S_IFREG | 0o775, 0, 0, []),
        ("/var/tmp/s", stat.S_IFSOCK | 0o777, 0, 0, []),
    ],
)  # fmt: skip
def test_kinds(path: str, mode: int, uid: int, gid: int, kinds: list[str]) -> None:
    assert list(kinds_of(Entry(path, mode, uid, gid, 0), NAMES)) == kinds


def test_an_overlay_mark_is_no_device() -> None:
    assert list(kinds_of(Entry("/opt/x", stat.S_IFCHR, 0, 0, 0, rdev=0), NAMES)) == []
    assert list(kinds_of(Entry("/opt/x", stat.S_IFCHR, 0, 0, 0, rdev=259), NAMES)) == ["device_outside_dev"]


def test_unreadable_folders_leave_gaps(tmp_path: Path) -> None:
    root = tree(tmp_path)
    os.chmod(root, 0o755)
    (root / "closed").mkdir(mode=0)
    target = TreeTarget(root)
    if os.geteuid() != 0:
        assert _gaps(target) == ("permission: /closed",)
        return
    # Root may read everything: the walk is done by a child without rights, below the descriptor it inherits.
    child = os.fork()
    if child == 0:
        os.setgid(65534)
        os.setuid(65534)
        os._exit(0 if _gaps(target) == ("permission: /closed",) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    target.close()


def _gaps(target: TreeTarget) -> tuple[str, ...]:
    return collect(target, ["files.special"])[0]["files.special"].gaps


def test_broken_account_files_leave_a_gap(tmp_path: Path) -> None:
    fact = fact_of(build(tmp_path, {"/etc/passwd": b"\0"}), "files.special")
    assert not fact.complete
