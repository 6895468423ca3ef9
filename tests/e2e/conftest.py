"""A small real system, made once by debootstrap, for the tests that need one."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import subprocess
from pathlib import Path

import pytest

_PACKAGES = "python3,systemd-sysv,openssh-server,sudo,nftables,kmod,cron,libpam-pwquality"


@pytest.fixture(scope="session")
def debian(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The root of a real Debian 12 with systemd, sshd, sudo, PAM and Python, shared by all test processes."""
    if os.geteuid() != 0:
        pytest.skip("debootstrap needs root")
    if shutil.which("debootstrap") is None:
        pytest.skip("debootstrap is not installed: make test installs it")
    base = tmp_path_factory.getbasetemp()
    base = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    root = base / "debian"
    with (base / "debian.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (root / "etc/assay-ready").exists():
            shutil.rmtree(root, ignore_errors=True)
            command = ["debootstrap", "--variant=minbase", f"--include={_PACKAGES}", "bookworm", str(root)]
            done = subprocess.run(command, capture_output=True, timeout=900)
            if done.returncode != 0:
                pytest.skip(f"debootstrap could not fetch packages: {done.stdout.decode()[-300:]}")
            for bulk in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc", "usr/share/man", "usr/share/locale"):
                shutil.rmtree(root / bulk, ignore_errors=True)
            _add_attributes(root)
            (root / "etc/assay-ready").touch()
    return root


def _add_attributes(root: Path) -> None:
    """Labels and capabilities, as a system with SELinux has them; left out where the file system takes none."""
    with contextlib.suppress(OSError):
        for path, label in (
            ("etc/shadow", "shadow_t"),
            ("etc/passwd", "passwd_file_t"),
            ("usr/sbin/sshd", "sshd_exec_t"),
        ):
            os.setxattr(root / path, "security.selinux", f"system_u:object_r:{label}:s0\0".encode())
        # cap_net_raw=ep, as `setcap` writes it (linux/capability.h, revision 2)
        os.setxattr(
            root / "usr/bin/wall", "security.capability", bytes.fromhex("0100000200200000000000000000000000000000")
        )
