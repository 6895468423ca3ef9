"""A real registry (Debian package docker-registry) on the loopback interface, with what a test pushes to it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.supply_chain.signing.layout_lab import REF_NAME, LayoutLab


class Registry:
    """`host`: address and port; `environment`: in which skopeo takes it although it speaks plain HTTP."""

    def __init__(self, host: str, home: Path) -> None:
        self.host = host
        self.environment = {"HOME": str(home)}

    def push(self, layout: LayoutLab, name: str, tag: str) -> str:
        """Everything that the layout lists, with signatures and attestations. Returns the argument for a command."""
        for number, entry in enumerate(layout.index["manifests"]):
            own = entry.get("annotations", {}).get(REF_NAME, "")
            self._copy(f"oci:{layout.root}:{own}", name, own if number else tag)
        return f"registry:{self.host}/{name}:{tag}"

    def _copy(self, source: str, name: str, tag: str) -> None:
        subprocess.run(
            ["skopeo", "--insecure-policy", "copy", "--quiet", "--all", "--preserve-digests", "--dest-tls-verify=false",
             source, f"docker://{self.host}/{name}:{tag}"],
            check=True, capture_output=True,
        )  # fmt: skip


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(folder: Path) -> Iterator[Registry]:
    """The registry, as long as the context lasts. Skips the test where it is not installed."""
    if shutil.which("docker-registry") is None or shutil.which("skopeo") is None:
        pytest.skip("a registry (Debian packages docker-registry and skopeo) is what images are fetched from")
    host = f"127.0.0.1:{free_port()}"
    config = folder / "config.yml"
    config.write_text(
        f"version: 0.1\nstorage: {{filesystem: {{rootdirectory: {folder / 'store'}}}}}\nhttp: {{addr: {host}}}\n"
    )
    settings = folder / "home" / ".config" / "containers"
    settings.mkdir(parents=True)
    (settings / "registries.conf").write_text(f'[[registry]]\nlocation = "{host}"\ninsecure = true\n')
    with (folder / "log").open("wb") as log, subprocess.Popen(
        ["docker-registry", "serve", str(config)],
        stdout=log, stderr=log, env={"PATH": os.defpath, "OTEL_TRACES_EXPORTER": "none"},
    ) as process:  # fmt: skip
        try:
            _wait(host, process)
            yield Registry(host, folder / "home")
        finally:
            process.terminate()


def _wait(host: str, process: subprocess.Popen[bytes]) -> None:
    for _ in range(200):
        try:
            with urllib.request.urlopen(f"http://{host}/v2/", timeout=5):
                return
        except OSError:
            assert process.poll() is None, "the registry ended"
            time.sleep(0.05)
    raise AssertionError("the registry does not answer")
