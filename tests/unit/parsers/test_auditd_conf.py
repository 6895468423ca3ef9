"""auditd.conf and the lexer it shares with fapolicyd.conf."""

from __future__ import annotations

import pytest

from scanner.model.errors import ParseError
from scanner.parsers import auditd_conf, spaced_settings


def test_words_numbers_and_percentages() -> None:
    daemon = auditd_conf.parse(
        "# c\nLog_Format = ENRICHED\nmax_log_file = 8\nspace_left = 25%\nadmin_space_left = 50\n"
        "space_left_action = exec /usr/bin/tell\nmax_log_file_action = KEEP_LOGS\nname_format = hostname\n"
    )
    values = daemon.values
    assert (values["log_format"], values["max_log_file"], values["max_log_file_action"]) == ("enriched", 8, "keep_logs")
    assert (values["space_left"], values["space_left_percent"]) == (None, 25)
    assert (values["admin_space_left"], values["admin_space_left_percent"]) == (50, None)
    assert (values["space_left_action"], values["name_format"]) == ("exec", "hostname")
    assert daemon.lines["max_log_file"] == 3


def test_defaults_are_those_of_the_daemon() -> None:
    values = auditd_conf.parse("").values
    assert values["disk_full_action"] == "ignore"
    assert values["disk_error_action"] == "syslog"
    assert values["write_logs"] == "yes"
    assert values["log_format"] is None


def test_the_last_line_wins_whatever_its_letters() -> None:
    daemon = auditd_conf.parse("freq = 1\nFREQ = 2\nfreq = 3\nFreq = 4\n")
    assert (daemon.values["freq"], daemon.lines["freq"]) == (4, 4)
    daemon = auditd_conf.parse("FREQ = 2\nfreq = 1\nFREQ = 3\nfreq = 5\n")
    assert daemon.values["freq"] == 5


@pytest.mark.parametrize(
    "line",
    [
        "space_left_action=email",
        "space_left_action = email # really",
        "space_left_action = mail",
        "colour = red",
        "freq = 10 20",
        "freq = ten",
        "max_log_file = 8MB",
        "space_left = 25 %",
        "freq =",
        "freq",
        "local_events = true",
    ],
)
def test_what_keeps_the_daemon_from_starting(line: str) -> None:
    daemon = auditd_conf.parse(f"write_logs = no\n{line}\nfreq = 7\n")
    assert [reason.partition(":")[0] for reason in daemon.refused] == ["line 2"]
    assert daemon.values["write_logs"] == "no"  # what stands around it is still told


def test_a_refused_word_is_told_as_it_stands_and_a_refused_number_is_none() -> None:
    """So that a rule can say what it found and never takes it for an accepted value."""
    daemon = auditd_conf.parse("write_logs = Perhaps\nmax_log_file = 8MB\nspace_left = x%\n")
    assert daemon.values["write_logs"] == "perhaps"
    assert [daemon.values[name] for name in ("max_log_file", "space_left", "space_left_percent")] == [None, None, None]
    assert len(daemon.refused) == 3
    assert auditd_conf.parse("write_logs = NO\n").refused == ()


def test_long_lines_are_skipped_and_binary_is_refused() -> None:
    assert spaced_settings.parse("x = " + "y" * 600 + "\na = b\n", max_line=512).keys() == {"a"}
    with pytest.raises(ParseError):
        spaced_settings.parse("a = b\0", max_line=512)
