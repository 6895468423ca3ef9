"""The machine we run on as a target: its root tree, its block devices, /proc, /sys and a few read-only commands."""

from __future__ import annotations

import os
from pathlib import Path

from scanner.model.errors import LimitError, MissingError, NotCollectedError, TargetError
from scanner.target import command, limits
from scanner.target.base import BlockDevice, CommandResult, Runtime, Target
from scanner.target.descriptors import drain, refusal
from scanner.target.tree import DirectoryTree

__all__ = ["LiveRuntime", "LiveTarget"]

_RUNTIME = ("/proc", "/sys", "/dev", "/run")


class LiveRuntime(Runtime):
    """The running kernel's own files. Here the kernel may follow links: it is the system that was asked for."""

    def _check(self, path: str) -> str:
        if not path.startswith(tuple(f"{top}/" for top in _RUNTIME)) and path not in _RUNTIME:
            raise NotCollectedError(f"{path} is not part of the running half")
        if ".." in path.split("/"):
            raise NotCollectedError(f"{path} leaves the running half")
        return path

    def read(self, path: str, limit: int = limits.MAX_TEXT) -> bytes:
        """See Runtime."""
        try:
            descriptor = os.open(self._check(path), os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
        except OSError as error:
            raise refusal(error, path) from None
        return drain(descriptor, limit, path)

    def names(self, path: str) -> list[str]:
        """See Runtime."""
        try:
            return sorted(os.listdir(self._check(path)))  # noqa: PTH208 - names, not paths
        except OSError as error:
            raise refusal(error, path) from None

    def readlink(self, path: str) -> str:
        """See Runtime."""
        try:
            return os.readlink(self._check(path))  # noqa: PTH115 - the text is wanted, not a path object
        except OSError as error:
            raise refusal(error, path) from None

    def exists(self, path: str) -> bool:
        """See Runtime."""
        return os.path.lexists(self._check(path))

    def command(self, name: str, *arguments: str) -> CommandResult:
        """See Runtime."""
        return command.run(name, *arguments)


class LiveDevice(BlockDevice):
    """One block device of the running system, opened read-only when it is first read."""

    def __init__(self, name: str, size: int) -> None:
        self.name = name
        self.size = size
        self._descriptor = -1

    def pread(self, offset: int, length: int) -> bytes:
        """See BlockDevice."""
        path = f"/dev/{self.name}"
        if length > limits.MAX_DEVICE_READ:
            raise LimitError(f"{path}: a read of {length} bytes")
        try:
            if self._descriptor < 0:
                self._descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
            return os.pread(self._descriptor, length, offset)
        except OSError as error:
            raise refusal(error, path) from None

    def close(self) -> None:
        """Close the descriptor."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


class LiveTarget(Target):
    """The machine we run on."""

    kind = "live"

    def __init__(self) -> None:
        self.tree = DirectoryTree(Path("/"))
        self.runtime: Runtime = LiveRuntime()
        self._devices: list[LiveDevice] | None = None

    def devices(self) -> list[BlockDevice]:
        """Block devices by /sys/class/block, without RAM disks and empty loop devices."""
        if self._devices is None:
            self._devices = self._found()
        return list(self._devices)

    def _found(self) -> list[LiveDevice]:
        try:
            names = self.runtime.names("/sys/class/block")
        except MissingError:
            raise NotCollectedError("/sys/class/block is not there") from None
        found = []
        for name in names:
            if name.startswith(("ram", "zram")):
                continue
            try:
                sectors = int(self.runtime.read(f"/sys/class/block/{name}/size"))
            except (TargetError, ValueError):
                continue
            if sectors:
                found.append(LiveDevice(name.replace("!", "/"), sectors * 512))
            if len(found) > limits.MAX_DEVICES:
                raise LimitError(f"more than {limits.MAX_DEVICES} block devices")
        return found

    def close(self) -> None:
        """See Target."""
        for device in self._devices or ():
            device.close()
        if isinstance(self.tree, DirectoryTree):
            self.tree.close()
