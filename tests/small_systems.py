"""Small systems of the three package families, and a mixed one, as trees for tests of bills of materials."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from pathlib import Path

from scanner.supply_chain.making.documents import make
from scanner.supply_chain.model import Bom, Component
from scanner.supply_chain.truth import Truth, verify
from scanner.target.tree import TreeTarget
from tests import rpm_support
from tests.support import build

CLOCK = "2026-01-31T00:00:00Z"
ELF = Path("/bin/true").read_bytes()[:4096]
COPYRIGHT = """Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
Copyright: somebody
License: GPL-2+ or Expat

License: GPL-2+
 long text
"""


def made(root: Path, *, files: bool = False) -> Bom:
    """The bill of materials of the tree at `root`."""
    target = TreeTarget(root)
    try:
        return make(target, CLOCK, files=files)
    finally:
        target.close()


def truth_of(bom: Bom, root: Path) -> Truth:
    """What `bom` and the tree at `root` say differently."""
    target = TreeTarget(root)
    try:
        return verify(bom, target)
    finally:
        target.close()


def named(bom: Bom, name: str) -> Component:
    """The one component of that name."""
    (found,) = [one for one in bom.components if one.name == name]
    return found


def program(text: str) -> bytes:
    """Machine code that differs from every other."""
    return ELF + text.encode()


def write_program(root: Path, path: str, data: bytes, mode: int = 0o755) -> None:
    """A file that may be executed."""
    build(root, {path: data})
    (root / path.lstrip("/")).chmod(mode)


DEBS = {
    "alpha": ("1.0-1", "amd64", "alpha", ["/usr/bin/alpha"]),
    "beta": ("2:3.1-2+deb12u1", "amd64", "beta (3.1-2)", ["/usr/sbin/beta", "/usr/lib/libbeta.so.3"]),
    "libc6": ("2.36-9", "amd64", "glibc", ["/usr/lib/libc.so.6"]),
    "libc6:i386": ("2.36-9", "i386", "glibc", ["/usr/lib32/libc.so.6"]),
    "python3-yaml": ("6.0-3+b2", "amd64", "pyyaml", ["/usr/lib/python3/dist-packages/PyYAML-6.0.egg-info"]),
    "tools": ("0.1", "all", "tools", ["/usr/bin/tool", "/usr/lib/systemd/system/tool.service"]),
}


def debian(root: Path) -> Path:
    """A dpkg system with two architectures, a Python distribution from a deb, one from pip, and npm packages."""
    status = []
    build(
        root,
        {
            "/etc/os-release": 'ID=debian\nVERSION_ID="12"\nNAME="Debian GNU/Linux"\nPRETTY_NAME="Debian 12"\n',
            "/bin": ("link", "usr/bin"),
            "/usr/share/doc/alpha/copyright": COPYRIGHT,
        },
    )
    for key, (version, arch, source, files) in DEBS.items():
        name = key.partition(":")[0]
        lines = [f"Package: {name}", "Status: install ok installed", "Maintainer: M <m@example.org>"]
        lines += [
            f"Architecture: {arch}",
            f"Version: {version}",
            f"Source: {source}",
            f"Description: the {name}\n more",
        ]
        if name == "libc6":
            lines.append("Multi-Arch: same")
        if name == "alpha":
            lines.append("Depends: libc6 (>= 2.3), beta | nothing")
        status.append("\n".join(lines) + "\n")
        sums = []
        for path in files:
            data = program(path) if "/bin/" in path or "/sbin/" in path or ".so" in path else path.encode()
            if path.endswith("egg-info"):
                data = b"Metadata-Version: 1.2\nName: PyYAML\nVersion: 6.0\nLicense: MIT\n\n"
            write_program(root, path, data, 0o755 if b"ELF" in data[:4] else 0o644)
            sums.append(f"{hashlib.md5(data, usedforsecurity=False).hexdigest()}  {path[1:]}\n")
        base = f"/var/lib/dpkg/info/{name}" + (f":{arch}" if name == "libc6" else "")
        build(root, {f"{base}.list": "/.\n/usr\n" + "\n".join(files) + "\n", f"{base}.md5sums": "".join(sums)})
    status.append(
        "Package: removed\nStatus: deinstall ok config-files\nArchitecture: amd64\nVersion: 1\nMaintainer: M\nDescription: x\n"
    )
    build(root, {"/var/lib/dpkg/status": "\n".join(status)})
    pip(root, "Some_Thing", "1.2.0")
    npm(root, "/usr/local/lib/node_modules/left", "left", "1.0.0")
    npm(root, "/usr/local/lib/node_modules/left/node_modules/@scope/right", "@scope/right", "2.0.0")
    npm(root, "/usr/local/lib/node_modules/right", "@scope/right", "3.0.0", folder="@scope/right")
    return root


def pip(root: Path, name: str, version: str) -> None:
    """A distribution as pip installs it, with a script and a library of its own."""
    top = "/usr/local/lib/python3.11/dist-packages"
    info = f"{top}/{name}-{version}.dist-info"
    library, script = program(name), b"#!/usr/bin/python3\n" + name.encode()
    write_program(root, f"{top}/{name.lower()}.so", library, 0o644)
    write_program(root, f"/usr/local/bin/{name.lower()}", script)
    digest = base64.urlsafe_b64encode(hashlib.sha256(library).digest()).decode().rstrip("=")
    record = (
        f"{name.lower()}.so,sha256={digest},1\n../../../bin/{name.lower()},,\n{name}-{version}.dist-info/METADATA,,\n"
    )
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\nLicense-Expression: BSD-3-Clause\n"
    build(root, {f"{info}/METADATA": metadata + "Requires-Dist: PyYAML>=5\n\ntext", f"{info}/RECORD": record})


def npm(root: Path, place: str, name: str, version: str, folder: str = "") -> None:
    """A package in a folder of node_modules."""
    place = place if not folder else f"{place.rpartition('/')[0]}/{folder}"
    data = {"name": name, "version": version, "license": "MIT", "author": {"name": "A"}}
    build(root, {f"{place}/package.json": json.dumps(data)})


ALPINE = """C:Q1vNNRIkSPGmUC3GkOYIgVCmaTVIY=
P:musl
V:1.2.5-r0
A:x86_64
T:the musl c library (libc) implementation
L:MIT
o:musl
m:Somebody <s@example.org>
p:so:libc.musl-x86_64.so.1=1
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755
Z:{musl}

C:Q1/V/YfCkDyjG7wqKzZ7vgqUj0XUI=
P:busybox
V:1.36.1-r29
A:x86_64
L:GPL-2.0-only
o:busybox
D:so:libc.musl-x86_64.so.1
F:bin
R:busybox
Z:{busybox}
F:etc

C:Q1o0LkcwLiNjDVj1jJ8NNBTH1Pd7s=
P:ssl_client
V:1.36.1-r29
A:x86_64
L:GPL-2.0-only
o:busybox
D:musl !old
F:usr/bin
R:ssl_client
Z:{ssl}
"""
ALPINE_LIST = ["busybox 1.36.1-r29", "musl 1.2.5-r0", "ssl_client 1.36.1-r29"]


def alpine(root: Path) -> Path:
    """An apk system whose busybox has a second name as a hard link."""
    parts = {"musl": "/lib/ld-musl-x86_64.so.1", "busybox": "/bin/busybox", "ssl": "/usr/bin/ssl_client"}
    sums = {}
    for name, path in parts.items():
        write_program(root, path, program(name))
        sums[name] = "Q1" + base64.b64encode(hashlib.sha1(program(name), usedforsecurity=False).digest()).decode()
    (root / "bin/ls").hardlink_to(root / "bin/busybox")
    release = 'ID=alpine\nVERSION_ID=3.20.1\nPRETTY_NAME="Alpine Linux v3.20"\n'
    return build(root, {"/etc/os-release": release, "/lib/apk/db/installed": ALPINE.format(**sums)})


def fedora(root: Path, scratch: Path) -> Path:
    """A system with a database that rpm itself made."""
    database = rpm_support.real_rpmdb(
        scratch,
        [
            ("base", "1.0", "1.el10", "Provides: virtual", 2),
            ("extra", "2.5", "3.el10", "Epoch: 4\nRequires: virtual", 1),
            ("third", "0.9~rc1", "2.el10", "Requires: /usr/share/base/a-file-with-quite-a-long-name-1", 1),
        ],
    )
    place = root / "usr/lib/sysimage/rpm"
    shutil.copytree(database, place)
    for name, count in (("base", 2), ("extra", 1), ("third", 1)):
        for number in range(1, count + 1):
            build(root, {f"/usr/share/{name}/a-file-with-quite-a-long-name-{number}": f"{number}\n"})
    release = (
        'ID="almalinux"\nVERSION_ID="10.0"\nPRETTY_NAME="AlmaLinux 10.0"\nCPE_NAME="cpe:/o:almalinux:almalinux:10"\n'
    )
    return build(root, {"/etc/os-release": release})
