"""The form of dnf's files: what is read, and what makes dnf reject a file."""

from __future__ import annotations

import json
import subprocess

import pytest

from scanner.model.errors import ParseError
from scanner.parsers.dnf_conf import flag, parse, words


def test_typical() -> None:
    text = "# head\n[main]\ngpgcheck=1\n;gpgcheck=0\ninstallonly_limit = 3\n\n[extra]\nbaseurl=http://a/\n  http://b/\n"
    main, extra = parse(text)
    assert (main.name, main.line, main.settings) == ("main", 2, {"gpgcheck": "1", "installonly_limit": "3"})
    assert words(extra.settings["baseurl"]) == ["http://a/", "http://b/"]


def test_later_settings_win_also_in_a_repeated_section() -> None:
    (section,) = parse("[a]\ngpgcheck=1\ngpgcheck=0\n[a]\nenabled=0\n")
    assert section.settings == {"gpgcheck": "0", "enabled": "0"}


def test_a_comment_needs_the_start_of_the_line() -> None:
    (section,) = parse("[a]\ngpgcheck=1 # sure\n")
    assert flag(section.settings["gpgcheck"]) is None


@pytest.mark.parametrize(
    ("value", "meaning"),
    [("1", True), ("YES", True), ("True", True), ("on", True), ("0", False), ("no", False), ("off", False)]
    + [(word, None) for word in ("", "2", "enabled", " 1", "y")],
)
def test_flags(value: str, meaning: bool | None) -> None:
    assert flag(value) is meaning
    assert flag(None) is None


VALID = [
    "[a]\nx=1\n [b]\ny=1\n",
    "\t[a]\nx=1\n",
    "[a]\nx=1\r\n",
    "[a]\r\nx=1 \r \n",
    "[a]\nx\t= \t1\t\n",
    "[a]\nx=1\n \t\n y\n",
    "[a]\nx=1\n\r\n y\n",
    "[a]\nx=1\n  #c\n",
    "[a] # c\nx=1\n",
    "[a]\nx=1\n[a]\nz=2\nx=3\n",
    "[[a]\nx=1\n",
    "[ a ]\nx=1\n",
    "[a]\nx=\n y\n",
    "\ufeff[a]\nx=1\n",
    "[a]\nx==1\n",
    "[a]\nx='0'\n",
    '[a]\nx="0\n',
    '[a]\nx="a" "b"\n',
    '[a]\nx=""\n',
    '[a]\nx="0"\n y\n',
    "[a]\nx='\"0\"'\n",
    "\r\n  \n[a]\n\r\nx=1\n",
    "[a]\nx=1\n  \n[b]\n",
    "[a]\nx=1\n  \ny=2\n",
    "[a]\nx=1\n ]\n",
    "#\n\n;[z]\n[a]\n",
    "\n\n",
]
MALFORMED = [
    "gpgcheck=1\n",
    "[a\nx=1\n",
    "[]\n",
    "[a]\nnothing\n",
    "[a]\n=1\n",
    "[a]\n  x=1\n",
    "[a]\nx=1\n\n y\n",
    "[a]\nx=1\n#c\n y\n",
    "[a]\n  \n y=1\n",
    "[a]\nx=1\n [b\n",
    " #c\n[a]\n",
]


def shape(text: str) -> dict[str, dict[str, str]] | None:
    try:
        return {section.name: section.settings for section in parse(text)}
    except ParseError:
        return None


@pytest.mark.parametrize("text", MALFORMED)
def test_malformed(text: str) -> None:
    assert shape(text) is None


ORACLE = """
import json, sys, tempfile
from libdnf.conf import ConfigParser
def read(text):
    with tempfile.NamedTemporaryFile("w", newline="") as file:
        file.write(text)
        file.flush()
        parser = ConfigParser()
        try:
            parser.read(file.name)
        except Exception:
            return None
    data = parser.getData()
    # Comments and empty lines are kept under keys that begin with "#".
    return {name: {key: data[name][key] for key in data[name] if key[0] != "#"} for name in data}
print(json.dumps([read(text) for text in json.load(sys.stdin)]))
"""


def test_as_libdnf_reads_it() -> None:
    command = ["/usr/bin/python3", "-c", ORACLE]
    done = subprocess.run(command, input=json.dumps([*VALID, *MALFORMED]), capture_output=True, text=True, check=False)
    if "No module named 'libdnf'" in done.stderr or "No module named 'libdnf.conf'" in done.stderr:
        pytest.skip("libdnf is not installed: make test installs it (Debian package python3-libdnf)")
    assert done.returncode == 0, done.stderr
    for text, said in zip([*VALID, *MALFORMED], json.loads(done.stdout), strict=True):
        assert shape(text) == said, text
