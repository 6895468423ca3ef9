"""A small real system, made once by debootstrap, for the tests that need one."""

from __future__ import annotations

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
            (root / "etc/assay-ready").touch()
    return root
