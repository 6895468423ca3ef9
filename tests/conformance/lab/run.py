"""Running one script inside a root tree: own mount and process space, nothing of the host but a Python, read-only.

The caller (a worker) is already in mount, network, host name and IPC spaces of its own.
"""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import signal
import stat
import sys
import time
from dataclasses import dataclass
from pathlib import Path

SECONDS = 60
_LIBC = ctypes.CDLL(None, use_errno=True)
_NEW_MOUNTS, _NEW_PROCESSES = 0x00020000, 0x20000000
_READ_ONLY, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 1, 32, 4096, 16384, 1 << 18
_DETACH, _DIE_WITH_PARENT = 2, 1
DEVICES = {"null": (1, 3), "zero": (1, 5), "full": (1, 7), "random": (1, 8), "urandom": (1, 9), "tty": (5, 0)}
ENVIRONMENT = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
    "HOME": "/root",
    "USER": "root",
    "LOGNAME": "root",
    "LANG": "C.UTF-8",
    "SHELL": "/bin/bash",
    "TERM": "dumb",
    "SHARED": "/run/lab/shared",
}


@dataclass(frozen=True, slots=True)
class Done:
    """How a script ended; 124 = it took too long."""

    code: int
    output: str


def mount(source: str, target: Path | str, kind: str = "", flags: int = 0, options: str = "") -> None:
    """mount(2). Raises OSError with the target."""
    if _LIBC.mount(source.encode(), str(target).encode(), kind.encode(), flags, options.encode()) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), str(target))


def unmount(target: Path | str) -> None:
    """Detach what is mounted at `target`; nothing happens when there is nothing."""
    _LIBC.umount2(str(target).encode(), _DETACH)


def own_spaces() -> None:
    """Put this process into a mount space of its own, from which nothing spreads."""
    _checked(_LIBC.unshare(_NEW_MOUNTS))
    mount("none", "/", flags=_RECURSIVE | _PRIVATE)


def run_inside(root: Path, rpms: Path, state: Path, command: str, *, folder: Path | None, shared: Path | None) -> Done:
    """Run `command` with bash in `root`, at most a minute.

    `folder` and `shared` are copied to /run/lab/scenario and /run/lab/shared; `state` receives what the stubs record of
    the running system.
    """
    if state.exists():
        shutil.rmtree(state)
    state.mkdir(parents=True)
    reading, writing = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _child(writing, root, {"rpms": rpms, "state": state, "scenario": folder, "shared": shared}, command)
    os.close(writing)
    output, late = _drained(reading)
    os.close(reading)
    if late:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    return Done(124 if late else os.waitstatus_to_exitcode(status), output.decode("utf-8", "replace"))


def _drained(reading: int) -> tuple[bytes, bool]:
    """Everything until the last writer has gone, and whether that took too long."""
    until = time.monotonic() + SECONDS
    parts: list[bytes] = []
    while True:
        ready, _, _ = select.select([reading], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            return b"".join(parts), True
        part = os.read(reading, 1 << 16)
        if not part:
            return b"".join(parts), False
        parts = [*parts[-200:], part]


def _child(writing: int, root: Path, given: dict[str, Path | None], command: str) -> None:
    """In the forked child: the spaces, then the script as their first process. Never returns."""
    code = 125
    try:
        os.dup2(writing, 1)
        os.dup2(writing, 2)
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        own_spaces()
        _checked(_LIBC.unshare(_NEW_PROCESSES))
        first = os.fork()
        if first == 0:
            _checked(_LIBC.prctl(_DIE_WITH_PARENT, signal.SIGKILL, 0, 0, 0))
            os.setsid()
            _furnish(root, given)
            os.chroot(root)
            os.chdir("/")
            os.closerange(3, 256)
            os.execve("/usr/bin/bash", ["bash", "-c", command], ENVIRONMENT)
        _, status = os.waitpid(first, 0)
        code = os.waitstatus_to_exitcode(status) & 0xFF
    except BaseException as error:  # noqa: BLE001 - a forked child must end here, whatever happened
        os.write(2, f"the lab could not be set up: {error}\n".encode())
    finally:
        os._exit(code)


def _furnish(root: Path, given: dict[str, Path | None]) -> None:
    """/run/lab, /proc and /dev of the tree."""
    lab = root / "run/lab"
    lab.mkdir(parents=True, exist_ok=True)
    mount("lab", lab, "tmpfs")
    bound = {"python": Path(sys.base_prefix), "stubs": Path(__file__).parent / "stubs", **given}
    for name, source in bound.items():
        (lab / name).mkdir()
        if source is None:
            continue
        if name in ("scenario", "shared"):
            shutil.copytree(source, lab / name, dirs_exist_ok=True)
            continue
        mount(str(source), lab / name, flags=_BIND)
        if name != "state":
            mount("none", lab / name, flags=_BIND | _REMOUNT | _READ_ONLY)
    mount("proc", root / "proc", "proc")
    device = root / "dev"
    mount("lab", device, "tmpfs", options="mode=0755")
    (device / "shm").mkdir()
    for name, (major, minor) in DEVICES.items():
        os.mknod(device / name, stat.S_IFCHR | 0o666, os.makedev(major, minor))
    for name, target in (("fd", "/proc/self/fd"), ("stdin", "fd/0"), ("stdout", "fd/1"), ("stderr", "fd/2")):
        (device / name).symlink_to(target)


def _checked(result: int) -> None:
    if result != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
