"""The form of dnf's files: what is read, and what makes dnf reject a file."""

from __future__ import annotations

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
    + [(word, None) for word in ("", "2", "enabled", "1\r", "y")],
)
def test_flags(value: str, meaning: bool | None) -> None:
    assert flag(value) is meaning
    assert flag(None) is None


@pytest.mark.parametrize("text", ["gpgcheck=1\n", "[a\nx=1\n", "[]\n", "[a]\nnothing\n", "[a]\n=1\n", "[a]\n  x=1\n"])
def test_malformed(text: str) -> None:
    with pytest.raises(ParseError):
        parse(text)
