"""Read-only commands of a live system: fixed folders, fixed environment, a deadline, bounded output."""

from __future__ import annotations

import contextlib
import os
import selectors
import signal
import subprocess
import time
from pathlib import Path

from scanner.model.errors import LimitError, NotCollectedError
from scanner.target import limits
from scanner.target.base import CommandResult

__all__ = ["run"]

_FOLDERS = ("/usr/sbin", "/usr/bin", "/sbin", "/bin")
_ENVIRONMENT = {"PATH": ":".join(_FOLDERS), "LC_ALL": "C", "LANG": "C", "TZ": "UTC", "HOME": "/", "SYSTEMD_PAGER": ""}


def run(name: str, *arguments: str) -> CommandResult:
    """Run `name` from a system folder. Raises NotCollectedError when it is not installed, LimitError past a budget."""
    program = next((f"{folder}/{name}" for folder in _FOLDERS if os.access(f"{folder}/{name}", os.X_OK)), None)
    if program is None:
        raise NotCollectedError(f"the command {name} is not installed")
    with subprocess.Popen(  # noqa: S603 - fixed folders, arguments are ours, no shell
        [program, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_ENVIRONMENT,
        cwd=Path("/"),
        start_new_session=True,
    ) as process:
        deadline = time.monotonic() + limits.COMMAND_SECONDS
        try:
            output, errors = _drain(process, name, deadline)
            code = process.wait(max(deadline - time.monotonic(), 0.1))
        except (LimitError, subprocess.TimeoutExpired) as error:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # its own session: what it started ends with it
            process.kill()
            if isinstance(error, LimitError):
                raise
            raise LimitError(f"{name} took longer than {limits.COMMAND_SECONDS} s") from None
        return CommandResult(code, output, errors)


def _drain(process: subprocess.Popen[bytes], name: str, deadline: float) -> tuple[bytes, bytes]:
    """Both streams to their end, or LimitError when time or size runs out."""
    kept: dict[str, bytearray] = {"out": bytearray(), "err": bytearray()}
    with selectors.DefaultSelector() as ready:
        for label, stream in (("out", process.stdout), ("err", process.stderr)):
            if stream is not None:
                ready.register(stream, selectors.EVENT_READ, label)
        while ready.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                raise LimitError(f"{name} took longer than {limits.COMMAND_SECONDS} s")
            for key, _ in ready.select(left):
                data = os.read(key.fd, 65536)
                if not data:
                    ready.unregister(key.fileobj)
                    continue
                kept[key.data] += data
                if len(kept[key.data]) > limits.COMMAND_OUTPUT:
                    raise LimitError(f"{name} said more than {limits.COMMAND_OUTPUT} bytes")
    return bytes(kept["out"]), bytes(kept["err"])
