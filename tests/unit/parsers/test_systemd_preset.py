"""Preset files (systemd.preset(5))."""

import pytest

from scanner.model.errors import ParseError
from scanner.parsers.systemd_preset import choice, parse


def test_the_first_match_wins() -> None:
    presets = parse("# enable all\n\n  enable  sshd.service\ndisable *\nenable late.service\nwhatever x\n")
    assert [preset.action for preset in presets] == ["enable", "disable", "enable"]
    assert choice(presets, "sshd.service") == "enable"
    assert choice(presets, "late.service") == "disable"
    assert choice([], "x.service") is None


def test_an_absurd_pattern_is_refused() -> None:
    with pytest.raises(ParseError):
        parse("enable " + "*" * 40 + "\n")
