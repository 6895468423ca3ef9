"""Read-only commands of a live system: fixed folders, fixed environment, a deadline, bounded output."""

from __future__ import annotations

import contextlib
import os
import resource
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path

from scanner.model.errors import LimitError, NotCollectedError
from scanner.target import limits
from scanner.target.base import CommandResult

__all__ = ["run"]

_FOLDERS = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
_ENVIRONMENT = {"PATH": ":".join(_FOLDERS), "LC_ALL": "C", "LANG": "C", "TZ": "UTC", "HOME": "/", "SYSTEMD_PAGER": ""}


def run(
    name: str,
    *arguments: str,
    seconds: float | None = None,
    environment: Mapping[str, str] | None = None,
    file_bytes: int | None = None,
) -> CommandResult:
    """Run `name` from a system folder. Raises NotCollectedError when it is not installed, LimitError past a budget.

    `seconds`: the deadline, else that of `limits`; `environment`: variables beside the fixed ones; `file_bytes`: of the
    largest file that it may write.
    """
    seconds = limits.COMMAND_SECONDS if seconds is None else seconds
    program = next((f"{folder}/{name}" for folder in _FOLDERS if os.access(f"{folder}/{name}", os.X_OK)), None)
    if program is None:
        raise NotCollectedError(f"the command {name} is not installed")
    with subprocess.Popen(  # noqa: S603 - fixed folders, arguments are ours, no shell
        [program, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**(environment or {}), **_ENVIRONMENT, **_home(environment)},
        cwd=Path("/"),
        start_new_session=True,
    ) as process:
        deadline = time.monotonic() + seconds
        try:
            if file_bytes is not None:
                with contextlib.suppress(ProcessLookupError):  # it ended already
                    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
            output, errors = _drain(process, name, deadline, seconds)
            code = process.wait(max(deadline - time.monotonic(), 0.1))
        except (LimitError, subprocess.TimeoutExpired) as error:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its own session: what it started ends with it
            process.kill()
            if isinstance(error, LimitError):
                raise
            raise LimitError(f"{name} took longer than {seconds:.0f} s") from None
        return CommandResult(code, output, errors)


def _home(environment: Mapping[str, str] | None) -> Mapping[str, str]:
    """The home folder that was given: of all fixed variables the only one that may be another."""
    return {"HOME": environment["HOME"]} if environment and "HOME" in environment else {}


def _drain(process: subprocess.Popen[bytes], name: str, deadline: float, seconds: float) -> tuple[bytes, bytes]:
    """Both streams to their end, or LimitError when time or size runs out."""
    kept: dict[str, bytearray] = {"out": bytearray(), "err": bytearray()}
    with selectors.DefaultSelector() as ready:
        for label, stream in (("out", process.stdout), ("err", process.stderr)):
            if stream is not None:
                ready.register(stream, selectors.EVENT_READ, label)
        while ready.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                raise LimitError(f"{name} took longer than {seconds:.0f} s")
            for key, _ in ready.select(left):
                data = os.read(key.fd, 65536)
                if not data:
                    ready.unregister(key.fileobj)
                    continue
                kept[key.data] += data
                if len(kept[key.data]) > limits.COMMAND_OUTPUT:
                    raise LimitError(f"{name} said more than {limits.COMMAND_OUTPUT} bytes")
    return bytes(kept["out"]), bytes(kept["err"])
