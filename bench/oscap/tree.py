"""Building the two root trees: the plain system of the conformance lab, data of a distribution as ballast, our changes.

Needs root, rpm, rpmbuild, debootstrap and secilc. Everything is made below one folder and nothing of it is executed
but by rpm and the lab.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import yaml

from bench.oscap.audit_rules import hardened as audit_rules
from bench.oscap.treefile import parse, write
from tests.conformance.lab.build import build as build_lab

__all__ = ["KINDS", "build"]

KINDS = ("default", "hardened")
_TREES = Path(__file__).parent / "trees"
_ROOT = Path(__file__).parents[2]
_DATABASE = "usr/lib/sysimage/rpm"
_SUITE = "bookworm"
_BALLAST = "vim-runtime,python3,perl,git,cmake-data"
# Where the ballast has no configuration: what a scanner reads there would be that of another distribution. With what
# the lab installs that makes trees of some 16,300 entries.
_BALLAST_PARTS = ("bin", "share", "lib/git-core", "lib/python3.11", "lib/x86_64-linux-gnu")
_MORE_PACKAGES = {
    "default": ("autofs", "gssproxy", "kdump-utils", "nfs-utils", "postfix", "tuned"),
    "hardened": (
        *("aide", "audispd-plugins", "fapolicyd", "gnutls-utils", "libreswan", "libuser", "nftables", "nss-tools"),
        *("opensc", "pcsc-lite", "pcsc-lite-ccid", "postfix", "rsyslog-gnutls", "s-nail", "sequoia-sq"),
        *("subscription-manager", "usbguard"),
    ),
}
_CMDLINE = (
    "audit=1 audit_backlog_limit=8192 fips=1 init_on_free=1 l1tf=full,force mce=0 page_poison=1 pti=on"
    " random.trust_cpu=on rng_core.default_quality=500 slub_debug=P spec_store_bypass_disable=seccomp vsyscall=none"
)
_RELEASE_SPEC = """Name: redhat-release
Version: {major}.1
Release: 1
Summary: the release that contents ask for
License: none
BuildArch: noarch
%description
Made for the bench.
%files
"""


def build(folder: Path, kind: str, major: int, *, relative_links: bool = False) -> Path:
    """The tree `kind` (default or hardened) of release `major`, made anew below `folder`.

    With `relative_links`, absolute links of /etc become relative: a scanner that follows an absolute link on the
    machine it runs on then sees what the tree says.
    """
    lab = build_lab(folder)
    place = folder / f"{kind}-{major}{'-relative' if relative_links else ''}"
    shutil.rmtree(place, ignore_errors=True)
    _run("cp", "-a", str(lab / "root"), str(place))
    _add_ballast(place, _ballast(folder))
    rpms = [str(lab / "rpms" / f"{name}.rpm") for name in _MORE_PACKAGES[kind]]
    _run("rpm", "--root", str(place), "--dbpath", f"/{_DATABASE}", "-U", "--nodeps", "--noplugins", *rpms)
    _set_release(folder, place, major)
    _add_person(place)
    values = {"banner": _banner(), "audit": audit_rules(major), "cmdline": _CMDLINE}
    for name in ("both", kind) if kind == "hardened" else ("both",):
        write(place, parse((_TREES / f"{name}.tree").read_text(encoding="utf-8"), values))
    policy = place / "etc/selinux/targeted/policy/policy.33"
    _run("secilc", "-c", "33", "-o", str(policy), "-f", os.devnull, str(_TREES / "policy.cil"))
    if relative_links:
        _relative(place)
    _label(place)
    return place


def _ballast(folder: Path) -> Path:
    """A root tree of a small distribution to take programs and data from, made once."""
    place = folder / f"ballast-{_SUITE}"
    if not (place / "usr/share").is_dir():
        _run("debootstrap", "--variant=minbase", f"--include={_BALLAST}", _SUITE, str(place))
    return place


def _add_ballast(place: Path, ballast: Path) -> None:
    for part in _BALLAST_PARTS:
        source, target = ballast / "usr" / part, place / "usr" / part
        target.mkdir(parents=True, exist_ok=True)
        _run("cp", "-a", "-n", f"{source}/.", str(target))
    for at, _, files in os.walk(place / "usr"):
        for name in files:
            path = Path(at, name)
            status = path.lstat()
            if stat.S_ISREG(status.st_mode) and (ballast / path.relative_to(place)).exists():
                os.chown(path, 0, 0)
                path.chmod(stat.S_IMODE(status.st_mode) & 0o755)


def _set_release(folder: Path, place: Path, major: int) -> None:
    """A redhat-release of the version that the content asks for, and the same in os-release."""
    top = folder / f"release-{major}"
    top.mkdir(exist_ok=True)
    (top / "release.spec").write_text(_RELEASE_SPEC.format(major=major), encoding="utf-8")
    _run("rpmbuild", "-bb", "--quiet", "--define", f"_topdir {top}", str(top / "release.spec"))
    rpm = next((top / "RPMS").rglob("*.rpm"))
    flags = ["--dbpath", str(place / _DATABASE), "--justdb", "--nodeps", "--noscripts", "--noplugins"]
    _run("rpm", *flags, "-e", "redhat-release")
    _run("rpm", *flags, "-i", str(rpm))
    release = place / "usr/lib/os-release"
    text = release.read_text(encoding="utf-8")
    release.write_text(re.sub(r"\b10\b", str(major), text.replace("el10", f"el{major}")), encoding="utf-8")


def _add_person(place: Path) -> None:
    """An interactive user, alice, in the account files; hardened trees replace the shadow file afterwards."""
    for name, line in {
        "passwd": "alice:x:1000:1000:Alice:/home/alice:/bin/bash",
        "group": "alice:x:1000:",
        "gshadow": "alice:!::",
        "shadow": "alice:$y$j9T$bench$abcdefghijklmnopqrstuvwxyz:20200:0:99999:7:::",
    }.items():
        with (place / "etc" / name).open("a", encoding="utf-8") as stream:
            stream.write(f"{line}\n")


def _banner() -> str:
    """The banner of the STIG as plain words, from the pattern of our own mapping."""
    mapping = yaml.safe_load((_ROOT / "controls/stig-rhel10/mapping.yaml").read_text(encoding="utf-8"))
    pattern = mapping["params"]["banner-issue-approved"]["pattern"].removeprefix("(?s)")
    text = re.sub(r"\\(.)", r"\1", pattern.replace(r"\s+", " "))
    return re.sub(r" -(?=[A-Z])", "\n-", text)


def _relative(place: Path) -> None:
    for at, folders, files in os.walk(place / "etc"):
        for name in (*folders, *files):
            path = Path(at, name)
            if path.is_symlink() and os.readlink(path).startswith("/") and os.readlink(path) != os.devnull:
                target = place / os.readlink(path).lstrip("/")
                path.unlink()
                path.symlink_to(os.path.relpath(target, path.parent))


def _label(place: Path) -> None:
    """A label on everything, and the one that the policy wants on the counters of failed log-ins."""
    for at, folders, files in os.walk(place):
        for name in (*folders, *files):
            label = b"faillog_t" if "faillock" in at + name and "/var/" in at else b"etc_t"
            value = b"system_u:object_r:" + label + b":s0\0"
            os.setxattr(os.path.join(at, name), "security.selinux", value, follow_symlinks=False)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{command[0]} ended with {done.returncode}: {done.stderr[-2000:]}")
