"""apt's sources in both forms, with apt itself as the oracle of which lines count."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import ParseError
from scanner.parsers.apt_sources import parse_list, parse_sources

LIST = """# deb http://old/ x main
deb http://deb.example.org/debian stable main contrib # note
deb-src [ arch=amd64 signed-by=/usr/share/keyrings/a.gpg ] http://deb.example.org/debian stable main
deb [trusted=yes] http://local/ ./
deb [allow-insecure=yes] http://local/ b/
"""
SOURCES = """# head
Types: deb deb-src
URIs: http://a/ http://b/
Suites: stable stable-updates
Components: main
Signed-By:
 -----BEGIN PGP PUBLIC KEY BLOCK-----
 .
 -----END PGP PUBLIC KEY BLOCK-----

Types: deb
URIs: http://c/
Suites: ./
Enabled: no
Trusted: Yes
"""


def test_one_line_form() -> None:
    found = parse_list(LIST)
    assert [(item.kind, item.uri, item.suite, item.line) for item in found] == [
        ("deb", "http://deb.example.org/debian", "stable", 2),
        ("deb-src", "http://deb.example.org/debian", "stable", 3),
        ("deb", "http://local/", "./", 4),
        ("deb", "http://local/", "b/", 5),
    ]
    assert [item.authenticated for item in found] == [True, True, False, False]
    assert found[1].signed_by == ("/usr/share/keyrings/a.gpg",)


def test_deb822_form() -> None:
    found = parse_sources(SOURCES)
    assert len(found) == 9
    assert {item.signed_by for item in found[:8]} == {("embedded key",)}
    assert (found[8].enabled, found[8].authenticated, found[8].line) == (False, False, 11)


def test_addresses_that_apt_would_fetch(tmp_path: Path) -> None:
    if shutil.which("apt-get") is None:
        pytest.skip("apt-get is not installed: this is no Debian")
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts/b.sources").write_text(SOURCES.replace("Trusted: Yes", "Trusted: no"))
    (tmp_path / "list").write_text(LIST)
    options = [f"-oDir::Etc::sourcelist={tmp_path}/list", f"-oDir::Etc::sourceparts={tmp_path}/parts"]
    options.append(f"-oDir::State={tmp_path}")
    command = ["apt-get", "--print-uris", "update", *options]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    releases = {line.split("'")[1] for line in said.splitlines() if "InRelease" in line}
    ours = [item for item in (*parse_list(LIST), *parse_sources(SOURCES)) if item.enabled]
    assert releases == {
        f"{item.uri.rstrip('/')}/{item.suite if item.suite.endswith('/') else f'dists/{item.suite}/'}InRelease"
        for item in ours
    }


@pytest.mark.parametrize("text", ["deb\n", "rpm http://a/ b\n", "deb [x http://a/ b\n", "deb [trusted] http://a/ b\n"])
def test_malformed_list(text: str) -> None:
    with pytest.raises(ParseError):
        parse_list(text)


@pytest.mark.parametrize(
    "text",
    [
        "Types: deb\nURIs: http://a/\n",
        "Types: rpm\nURIs: http://a/\nSuites: b\n",
        "Types: deb\nTypes: deb\nURIs: http://a/\nSuites: b\n",
        "nothing\n",
        " x\n",
        f"Types: deb\nURIs: {'a ' * 200}\nSuites: {'b ' * 200}\n",
    ],
)
def test_malformed_sources(text: str) -> None:
    with pytest.raises(ParseError):
        parse_sources(text)
