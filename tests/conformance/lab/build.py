"""Building the plain system once: packages made and installed by rpm, tools copied from this machine, stubs.

The tree has RHEL's places and rpm's own data base; the programs that scenarios run are this machine's, with their
libraries in /usr/lib64. Nothing of it is started as a service.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.conformance.lab.description import Item, Package, programs, read, wrapper

HERE = Path(__file__).parent
STUBS = {
    "dnf": ("/usr/bin/dnf", "/usr/bin/yum", "/usr/bin/microdnf"),
    "systemctl": ("/usr/bin/systemctl",),
    "sysctl": ("/usr/sbin/sysctl",),
    "authselect": ("/usr/bin/authselect",),
    "grubby": ("/usr/sbin/grubby",),
    "mounts": ("/usr/bin/mount", "/usr/bin/umount", "/usr/bin/mountpoint", "/usr/bin/findmnt"),
    "password": ("/usr/bin/passwd", "/usr/sbin/chpasswd"),
    "firewall": ("/usr/bin/firewall-cmd", "/usr/bin/firewall-offline-cmd", "/usr/bin/nmcli"),
    "labels": (
        "/usr/bin/chcon",
        "/usr/sbin/restorecon",
        "/usr/sbin/semanage",
        "/usr/sbin/setsebool",
        "/usr/sbin/getenforce",
    ),
    "others": (
        "/usr/bin/update-crypto-policies",
        "/usr/bin/dd",
        "/usr/sbin/ip",
        "/usr/sbin/auditctl",
        "/usr/sbin/augenrules",
        "/usr/sbin/setenforce",
        "/usr/sbin/semodule",
        "/usr/sbin/setfiles",
        "/usr/sbin/mkfs.ext2",
        "/usr/sbin/mkfs.ext4",
        "/usr/sbin/mkfs.vfat",
        "/usr/sbin/mkfs.xfs",
        "/usr/bin/newaliases",
        "/usr/sbin/modprobe",
        "/usr/sbin/shutdown",
        "/usr/sbin/reboot",
        "/usr/sbin/poweroff",
        "/usr/sbin/halt",
        "/usr/sbin/exportfs",
        "/usr/bin/lsof",
        "/usr/sbin/userhelper",
        "/usr/sbin/dracut",
        "/usr/sbin/grub2-mkconfig",
        "/usr/bin/loginctl",
        "/usr/bin/hostnamectl",
        "/usr/bin/timedatectl",
    ),
}
"""Which commands each stub stands for."""

TOOLS = [
    "bash",
    "gawk",
    "sed",
    "grep",
    "find",
    "xargs",
    "tar",
    "gzip",
    "which",
    "hostname",
    "diff",
    "cmp",
    "getent",
    "rpm",
    "openssl",
    "ssh-keygen",
    "visudo",
    "getfacl",
    "setfacl",
    "chacl",
    "chattr",
    "lsattr",
    "setfattr",
    "getfattr",
    "dconf",
    "useradd",
    "userdel",
    "usermod",
    "groupadd",
    "groupdel",
    "groupmod",
    "chage",
    "gpasswd",
    "ps",
    "sleep",
    "flock",
    "logger",
]
"""Programs copied besides those of coreutils."""

SETUID = {"chage": 0o4755, "gpasswd": 0o4755}
ADMIN = {"useradd", "userdel", "usermod", "groupadd", "groupdel", "groupmod", "visudo"}
SEARCH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

SPEC = """Name: lab
Version: 1
Release: 1.el10
Summary: source of the packages of the lab
License: none
BuildArch: noarch
%description
Made for conformance runs.
"""

SUBPACKAGE = """%package -n {name}
Summary: a package of the lab
AutoReqProv: no
%description -n {name}
Made for conformance runs.
%files -n {name}
{files}
"""
"""All packages come from one specification: building each by itself takes a hundred times as long."""


def key() -> str:
    """A digest of everything the tree is built from: another one means another tree."""
    digest = hashlib.sha256()
    for path in sorted([HERE / "system.txt", HERE / "build.py", HERE / "description.py"]):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def build(folder: Path) -> Path:
    """The plain system in `folder`, made when it is not there: `root`, `rpms`, `work`. Needs root, rpmbuild."""
    place = folder / f"base-{key()}"
    if (place / "done").exists():
        return place
    if place.exists():
        shutil.rmtree(place)
    place.mkdir(parents=True)
    packages = read(HERE / "system.txt")
    _rpms(packages, place)
    root = place / "root"
    _skeleton(root)
    _tools(root)
    _stubs(root)
    _install(root, place / "rpms", packages)
    _policy(root)
    _labels(root)
    (place / "installed").write_text("\n".join(package.name for package in packages if package.installed) + "\n")
    (place / "done").touch()
    return place


def _rpms(packages: list[Package], place: Path) -> None:
    (place / "rpms").mkdir()
    source = place / "source"
    source.mkdir()
    spec, owners = SPEC, []
    for package in packages:
        package.items += programs(package)
        lines = [_lay(source, item) for item in package.items]
        owners += [f"{package.name} {item.path}" for item in package.items]
        spec += SUBPACKAGE.format(name=package.name, files="\n".join(lines))
    (place / "lab.spec").write_text(spec)
    command = ["rpmbuild", "-bb", "--quiet", "--noclean", "--buildroot", str(source)]
    command += ["--define", f"_topdir {place}/top", "--define", "_build_name_fmt %%{NAME}.rpm"]
    command += ["--define", "__spec_install_pre %{nil}", "--define", "__os_install_post %{nil}"]
    command += ["--define", "__spec_install_post %{nil}", "--define", "__arch_install_post %{nil}"]
    command += ["--define", "_binaries_in_noarch_packages_terminate_build 0"]
    command += ["--define", "_build_id_links none", "--define", "_binary_payload w0.gzdio"]
    done = subprocess.run([*command, str(place / "lab.spec")], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"rpmbuild: {done.stderr}")
    for package in packages:
        (place / "top/RPMS" / f"{package.name}.rpm").rename(place / "rpms" / f"{package.name}.rpm")
    (place / "rpms/files").write_text("\n".join(owners) + "\n")
    shutil.rmtree(source)
    shutil.rmtree(place / "top")


def _lay(source: Path, item: Item) -> str:
    """Write one item below `source`; its line of the file list."""
    target = source / item.path.lstrip("/")
    if item.kind == "dir":
        target.mkdir(parents=True, exist_ok=True)
        return f"%dir %attr({item.mode}, {item.owner}, {item.group}) {item.path}"
    target.parent.mkdir(parents=True, exist_ok=True)
    if item.kind == "link":
        target.symlink_to(item.text)
        return item.path
    if item.kind == "tool":
        _copy(_found(target.name), target, 0o755)
        return f"%attr(0755, root, root) {item.path}"
    target.write_text(item.text)
    kept = "%config(noreplace) " if item.path.startswith("/etc/") else ""
    return f"{kept}%attr({item.mode}, {item.owner}, {item.group}) {item.path}"


def _skeleton(root: Path) -> None:
    for name in (
        "usr/bin",
        "usr/sbin",
        "usr/lib",
        "usr/lib64",
        "usr/share",
        "etc",
        "var/lib",
        "run/lab",
        "proc",
        "sys",
    ):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in ("dev", "var/spool", "var/empty", "usr/libexec/lab"):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    (root / "var/run").symlink_to("../run")
    (root / "usr/lib/sysimage/rpm").mkdir(parents=True)
    (root / "var/lib/rpm").symlink_to("../../usr/lib/sysimage/rpm")
    (root / "etc/rpm").mkdir()
    (root / "etc/rpm/macros").write_text("%_dbpath /usr/lib/sysimage/rpm\n%_db_backend sqlite\n")


def _tools(root: Path) -> None:
    listed = subprocess.run(["dpkg", "-L", "coreutils"], capture_output=True, text=True, check=True).stdout.split()
    names = [path for path in listed if re.match(r"(/usr)?/s?bin/.", path)]
    places = {os.path.basename(path): path for path in names}
    for name in TOOLS:
        places[name] = _found(name)
    libraries: set[str] = set()
    stubbed = {os.path.basename(path) for paths in STUBS.values() for path in paths}
    for name, path in places.items():
        if name in stubbed:
            _copy(path, root / "usr/libexec/lab" / name, 0o755)
        else:
            folder = "usr/sbin" if name in ADMIN or "/sbin/" in path else "usr/bin"
            _copy(path, root / folder / name, SETUID.get(name, 0o755))
        libraries |= _libraries(path)
    libraries |= _libraries(sys.executable)
    for library in libraries:
        _copy(library, root / "usr/lib64" / os.path.basename(library), 0o755)
    for link, target in (("sh", "bash"), ("awk", "gawk"), ("adduser", "../sbin/useradd")):
        (root / "usr/bin" / link).symlink_to(target)
    for name, option in (("egrep", "-E"), ("fgrep", "-F")):
        (root / "usr/bin" / name).write_text(f'#!/usr/bin/sh\nexec grep {option} "$@"\n')
        (root / "usr/bin" / name).chmod(0o755)
    for name in ("macros", "rpmrc", "macros.d", "platform"):
        source = Path("/usr/lib/rpm") / name
        if source.is_dir():
            shutil.copytree(source, root / "usr/lib/rpm" / name)
        elif source.exists():
            (root / "usr/lib/rpm").mkdir(exist_ok=True)
            shutil.copyfile(source, root / "usr/lib/rpm" / name)
    (root / "etc/ld.so.conf").write_text("/usr/lib64\n")
    subprocess.run(["ldconfig", "-r", str(root)], check=True)


def _found(name: str) -> str:
    path = shutil.which(name, path=SEARCH)
    if path is None:
        raise RuntimeError(f"{name} is not installed")
    return path


def _copy(source: str, target: Path, mode: int) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(os.path.realpath(source), target)
    target.chmod(mode)


def _libraries(program: str) -> set[str]:
    done = subprocess.run(["ldd", os.path.realpath(program)], capture_output=True, text=True, check=False)
    return set(re.findall(r"(/\S+\.so\S*)", done.stdout))


def _stubs(root: Path) -> None:
    for stub, paths in STUBS.items():
        for path in paths:
            target = root / path.lstrip("/")
            name = target.name
            target.unlink(missing_ok=True)
            target.write_text(wrapper(path, stub))
            target.chmod(0o4755 if name in ("mount", "umount", "passwd") else 0o755)


def _install(root: Path, rpms: Path, packages: list[Package]) -> None:
    inner = ["rpm", "--root", str(root), "--dbpath", "/usr/lib/sysimage/rpm", "--define", "_db_backend sqlite"]
    inner += ["-U", "--nodeps", "--replacefiles", "--noplugins"]
    names = [package.name for package in packages if package.installed]
    for group in (["setup"], [name for name in names if name != "setup"]):
        done = subprocess.run(
            [*inner, *(str(rpms / f"{name}.rpm") for name in group)], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"rpm: {done.stderr}")
    _inside(root, rpms, "authselect", "select", "sssd", "--force")


def _inside(root: Path, rpms: Path, *command: str) -> None:
    """Run one command of the tree, once it is there."""
    from tests.conformance.lab.run import run_inside

    done = run_inside(root, rpms, root.parent / "state", " ".join(command), folder=None, shared=None)
    if done.code != 0:
        raise RuntimeError(f"{command}: {done.output}")


POLICY = """(handleunknown allow) (mls true) (policycap open_perms)
(class process (transition execheap execstack)) (classorder (process))
(sid kernel) (sidorder (kernel))
(user system_u) (role object_r) (role system_r)
(type kernel_t) (type faillog_t) (type etc_t) (type unlabeled_t)
(roletype system_r kernel_t) (userrole system_u system_r) (userrole system_u object_r)
(sensitivity s0) (sensitivityorder (s0)) (category c0) (categoryorder (c0)) (sensitivitycategory s0 (c0))
(level low (s0)) (levelrange whole (low low)) (userlevel system_u low) (userrange system_u whole)
(sidcontext kernel (system_u system_r kernel_t whole))
(boolean selinuxuser_execheap false) (boolean selinuxuser_execmod true) (boolean selinuxuser_execstack true)
(allow kernel_t self (process (transition)))
(booleanif selinuxuser_execheap (true (allow kernel_t self (process (execheap)))))
(booleanif selinuxuser_execstack (true (allow kernel_t self (process (execstack)))))
(booleanif selinuxuser_execmod (true (allow kernel_t etc_t (process (execheap)))))
"""
"""The smallest policy that has the types and booleans of the scenarios."""


def _policy(root: Path) -> None:
    """A real binary policy, compiled by this machine's secilc."""
    folder = root / "etc/selinux/targeted/policy"
    folder.mkdir(parents=True, exist_ok=True)
    source = root.parent / "policy.cil"
    source.write_text(POLICY)
    command = ["secilc", "-c", "33", "-o", str(folder / "policy.33"), "-f", "/dev/null", str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"secilc: {done.stderr}")


def _labels(root: Path) -> None:
    """A label on everything: a tree without any says that nobody labelled it."""
    for at, folders, files in os.walk(root):
        for name in [*folders, *files]:
            os.setxattr(
                os.path.join(at, name), "security.selinux", b"system_u:object_r:etc_t:s0\0", follow_symlinks=False
            )
