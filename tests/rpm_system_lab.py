"""A system that rpm itself installed: packages built for several architectures, with epochs, settings, a trusted key."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import pytest

from tests import rpm_support
from tests.support import build

DATABASE = "/usr/lib/sysimage/rpm"
QUERY = "%{NAME} %{EPOCHNUM} %{VERSION}-%{RELEASE} %{ARCH}"

SPEC = """Name: {name}
Version: {version}
Release: {release}
{more}
Summary: {name} of a test
License: {license}
Vendor: Example Vendor
URL: https://example.org/{name}
AutoReqProv: no
%description
Made by a test.
%install
mkdir -p %{{buildroot}}/usr/bin %{{buildroot}}/usr/{lib} %{{buildroot}}/etc
cp {binary} %{{buildroot}}/usr/{lib}/lib{name}.so.1
echo {name} {version} {release} %{{_target_cpu}} >> %{{buildroot}}/usr/{lib}/lib{name}.so.1
ln -s lib{name}.so.1 %{{buildroot}}/usr/{lib}/lib{name}.so
echo setting > %{{buildroot}}/etc/{name}-{version}.conf
%files
/usr/{lib}/lib{name}.so*
%config(noreplace) /etc/{name}-{version}.conf
"""

# name, version, release, more lines of the spec, licence, architecture, folder of libraries
PACKAGES = (
    ("glibc", "2.39", "58.el10_1", "Provides: libc.so.6", "LGPL-2.1-or-later", "x86_64", "lib64"),
    ("glibc", "2.39", "58.el10_1", "Provides: libc.so.6", "LGPL-2.1-or-later", "i686", "lib"),
    ("openssl-libs", "3.5.1", "4.el10", "Epoch: 1\nRequires: libc.so.6", "Apache-2.0", "x86_64", "lib64"),
    ("tzdata", "2026a", "1.el10", "BuildArch: noarch", "LicenseRef-Fedora-Public-Domain", "noarch", "share"),
    ("rc", "4.0~rc2^20260101git1a2b3c", "0.1.el10", "Requires: (libc.so.6 if systemd)", "MIT", "x86_64", "lib64"),
    ("kernel-core", "6.12.0", "124.8.1.el10_1", "", "GPL-2.0-only", "x86_64", "lib64/one"),
    ("kernel-core", "6.12.0", "124.13.1.el10_1", "", "GPL-2.0-only", "x86_64", "lib64/two"),
    ("zero", "1", "1", "Epoch: 0\nRequires: openssl-libs", "ISC and BSD-3-Clause", "x86_64", "lib64"),
)


def installed_system(root: Path, scratch: Path) -> Path:
    """The packages, installed by rpm into `root` with a database in SQLite, and one key."""
    for tool in ("rpmbuild", "gpg"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed: make test installs it (Debian packages rpm and gpg)")
    release = 'ID="almalinux"\nVERSION_ID="10.1"\nPRETTY_NAME="AlmaLinux 10.1"\n'
    build(root, {"/etc/os-release": release, "/usr/bin/.keep": "", "/boot/.keep": "", "/var/.keep": ""})
    (root / "bin").symlink_to("usr/bin")
    (root / "tmp").mkdir()
    base = ["rpm", "--root", str(root), "--dbpath", DATABASE]
    (root / DATABASE.lstrip("/")).mkdir(parents=True)
    _run(*base, "--initdb")
    _run(*base, "-i", "--nodeps", "--ignorearch", "--ignoreos", "--force", *_built(scratch))
    _run(*base, "--import", str(_key(scratch)))
    shutil.rmtree(root / "tmp")
    return root


def said(root: Path) -> list[str]:
    """Name, epoch (0 for none), version-release and architecture of everything that rpm says is installed."""
    base = ["rpm", "--root", str(root), "--dbpath", DATABASE]
    return sorted(_run(*base, "-qa", "--qf", QUERY + "\\n").splitlines())


def with_ndb(root: Path) -> Path:
    """The system with the headers of its database in the form ndb, which no rpm of Debian writes."""
    place = root / DATABASE.lstrip("/")
    with closing(sqlite3.connect(place / "rpmdb.sqlite")) as database:
        blobs = [row[0] for row in database.execute("SELECT blob FROM Packages ORDER BY hnum")]
    shutil.rmtree(place)
    place.mkdir()
    (place / "Packages.db").write_bytes(rpm_support.ndb(blobs))
    return root


def _built(scratch: Path) -> list[str]:
    for number, (name, version, release, more, license_, arch, lib) in enumerate(PACKAGES):
        spec = scratch / f"{number}.spec"
        scratch.mkdir(parents=True, exist_ok=True)
        spec.write_text(
            SPEC.format(
                name=name,
                version=version,
                release=release,
                more=more,
                license=license_,
                lib=lib,
                binary="/etc/hostname" if arch == "noarch" else "/bin/true",
            )
        )
        target = [] if arch == "noarch" else ["--target", arch]
        top = ["--define", f"_topdir {scratch}/top", "--define", "__os_install_post %{nil}"]
        _run("rpmbuild", "-bb", "--quiet", *target, *top, str(spec))
    built = sorted(str(path) for path in (scratch / "top/RPMS").rglob("*.rpm"))
    assert len(built) == len(PACKAGES)
    return built


def _key(scratch: Path) -> Path:
    """A public key as distributions ship it."""
    home = scratch / "gnupg"
    home.mkdir(mode=0o700)
    options = ["gpg", "--homedir", str(home), "--batch", "--quiet"]
    _run(*options, "--passphrase", "", "--quick-generate-key", "Vendor <keys@example.org>", "rsa2048", "sign", "never")
    path = scratch / "RPM-GPG-KEY"
    path.write_text(_run(*options, "--armor", "--export"))
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)
    return path


def _run(*command: str) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "LC_ALL": "C.UTF-8"})
    assert done.returncode == 0, f"{command}: {done.stderr}"
    return done.stdout
