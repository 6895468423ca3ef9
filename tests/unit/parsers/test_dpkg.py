"""dpkg's own database against dpkg-query, and every way in which a stanza can be wrong."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import ParseError
from scanner.parsers import dpkg

BASH = """Package: bash
Essential: yes
Status: install ok installed
Maintainer: Matthias Klose <doko@debian.org>
Architecture: amd64
Source: bash-source (5.2)
Version: 5.2.15-2+b7
Conffiles:
 /etc/bash.bashrc 89269e1298235f1b12b4c16e4065ad0d
Description: shell
 Package: not-a-field
 .
"""


def test_typical() -> None:
    found = dpkg.packages(f"{BASH}\n\npackage: gone\nSTATUS: deinstall ok config-files\nVersion: 1\n")
    assert found[0] == dpkg.DpkgPackage(
        "bash", "5.2.15-2+b7", "amd64", "installed", "bash-source", "Matthias Klose <doko@debian.org>", 1
    )
    assert (found[1].name, found[1].state, found[1].line) == ("gone", "config-files", 15)


def test_this_machine_as_dpkg_query_sees_it() -> None:
    if shutil.which("dpkg-query") is None:
        pytest.skip("dpkg-query is not installed: this is no Debian")
    form = "${Package}|${Version}|${Architecture}|${db:Status-Status}|${source:Package}\n"
    said = subprocess.run(["dpkg-query", "-W", "-f", form], capture_output=True, text=True, check=True).stdout
    found = dpkg.packages(Path("/var/lib/dpkg/status").read_text())
    ours = [f"{item.name}|{item.version}|{item.arch}|{item.state}|{item.source or item.name}" for item in found]
    assert sorted(ours) == sorted(said.splitlines())


def test_stanza_of_a_distroless_image() -> None:
    text = "Package: base-files\nVersion: 12.4\nArchitecture: amd64\n"
    assert dpkg.packages(text, listed_means_installed=True)[0].state == "installed"
    with pytest.raises(ParseError):
        dpkg.packages(text)


def test_carriage_returns_do_not_end_up_in_values() -> None:
    assert dpkg.packages("Package: a\r\nStatus: install ok installed\r\n\r\n")[0].state == "installed"


@pytest.mark.parametrize(
    "text",
    [
        " continued: nothing\n",
        "no field\n",
        "Package: a\nStatus: install ok\n",
        "Package: a\nStatus: install ok present\n",
        "Status: install ok installed\n",
        "Package:\nStatus: install ok installed\n",
        "Package: a\nPackage: b\nStatus: install ok installed\n",
        "\0\x01\x02",
    ],
)
def test_malformed(text: str) -> None:
    with pytest.raises(ParseError):
        dpkg.packages(text)


def test_md5sums() -> None:
    digest = "d41d8cd98f00b204e9800998ecf8427e"
    assert dpkg.md5sums(f"{digest}  usr/bin/a b\n") == [(digest, "/usr/bin/a b")]
    with pytest.raises(ParseError):
        dpkg.md5sums(f"{digest} usr/bin/a\n")


def test_md5sums_of_this_machine() -> None:
    path = Path("/var/lib/dpkg/info/bash.md5sums")
    if not path.exists():
        pytest.skip("no md5sums list of bash: this is no Debian")
    assert len(dpkg.md5sums(path.read_text())) == len(path.read_text().splitlines())
