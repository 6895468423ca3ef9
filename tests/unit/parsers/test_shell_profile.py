"""Start-up scripts: what is set, where it is reached, what cannot be decided; checked against a real shell."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from scanner.model.errors import ParseError
from scanner.parsers.shell_profile import Setting, parse, permits, umask_bits
from scanner.parsers.shell_words import commands


def settings(text: str) -> list[tuple[str, str | None, str]]:
    return [(item.name, item.value, item.when) for item in parse(text, ("TMOUT",))]


def only(text: str) -> Setting:
    found = parse(text, ("TMOUT",))
    assert len(found) == 1
    return found[0]


def test_where_a_statement_is_reached() -> None:
    text = """
umask 027 # mask
if [ $UID -gt 199 ]; then umask 002; else umask 022; fi
[ `umask` -eq 0 ] && umask 023
f() { umask 077; }
function g { umask 070; }
(umask 007; ls)
umask 001 | cat
{ umask 026; }
case $x in a) umask 1;; esac
for i in a b; do umask 2; done
umask 025
"""
    assert settings(text) == [
        ("umask", "027", "always"),
        ("umask", "002", "sometimes"),
        ("umask", "022", "sometimes"),
        ("umask", "023", "sometimes"),
        ("umask", "077", "function"),
        ("umask", "070", "function"),
        ("umask", "007", "elsewhere"),
        ("umask", "001", "elsewhere"),
        ("umask", "026", "always"),
        ("umask", "1", "sometimes"),
        ("umask", "2", "sometimes"),
        ("umask", "025", "always"),
    ]


def test_behind_a_return_nothing_is_certain() -> None:
    assert settings('[ -n "$PS1" ] || return\nTMOUT=900\n') == [("TMOUT", "900", "sometimes")]


def test_text_is_no_command() -> None:
    assert settings("# umask 000\necho umask 000; echo 'umask 1\n umask 2'\ncat <<EOF\numask 3\nTMOUT=1\nEOF\n") == []
    assert settings("cat <<-'END' >/dev/null\n\tumask 3\n\tEND\numask 027\n") == [("umask", "027", "always")]


def test_tmout_forms() -> None:
    for text in ("readonly TMOUT=900", "declare -xr TMOUT=900", "typeset -r -x TMOUT=900", 'readonly TMOUT="900"'):
        item = only(text)
        assert (item.value, item.readonly, item.when) == ("900", True, "always")
    assert only("declare -x TMOUT=900").exported
    assert not only("TMOUT=900").readonly
    assert only("export TMOUT").value is None
    assert only("unset TMOUT").unset
    assert only("export -n TMOUT").exported is False
    assert settings("TMOUT=5 ls\nTMOUTS=1\n") == []


def test_what_cannot_be_decided() -> None:
    for text in ("TMOUT=$x", 'TMOUT="$(cat x)"', "TMOUT=`id`", "TMOUT+=0", "umask $x", "umask `cat y`"):
        item = only(text)
        assert (item.value, item.decided) == (None, False)


def test_asking_for_the_mask_sets_nothing() -> None:
    assert settings("umask\numask -S\numask -p\n") == []
    assert settings("umask -S 027\ncommand umask 026\n\\umask 025\n") == [
        ("umask", "027", "always"),
        ("umask", "026", "always"),
        ("umask", "025", "always"),
    ]


@pytest.mark.parametrize(
    ("value", "bits"),
    [
        ("027", 0o27),
        ("77", 0o77),
        ("0", 0),
        ("0022", 0o22),
        ("u=rwx,g=rx,o=", 0o27),
        ("a=rx", 0o222),
        ("g-w", None),
        ("u=rwx", None),
        ("888", 0),
        ("027022", 0),
        ("00027", 0o27),
        ("", None),
    ],
)
def test_masks(value: str, bits: int | None) -> None:
    assert umask_bits(value) == bits
    assert permits(0o27) == "0750"
    assert permits(None) is None


@pytest.mark.parametrize("value", ["027", "77", "u=rwx,g=rx,o=", "a=rx", "0022", "00027", "1027"])
def test_masks_against_a_shell(value: str) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed: make test installs it")
    said = subprocess.run([bash, "-c", f"umask {value}; umask"], capture_output=True, check=True, text=True).stdout
    assert umask_bits(value) == int(said, 8)


SCRIPTS = [
    "umask 027\n",
    "umask 022\nif true; then umask 027; fi\n",
    "umask 022\n(umask 077)\n",
    "umask 022; f() { umask 077; }\n",
    "umask 022\ncat <<E >/dev/null\numask 077\nE\n",
    "umask 022 # umask 077\n",
    "umask 022\necho 'umask 077' >/dev/null\n",
    "umask 0\\\n27\n",
    "x=')' ; umask 027\n",
    "umask 022\ntrue && umask 026\n",
]


@pytest.mark.parametrize("script", SCRIPTS)
def test_the_last_reached_mask_against_a_shell(tmp_path: Path, script: str) -> None:
    """The mask a shell ends with is among what we say is reached, and it is the last `always` if nothing follows it."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed: make test installs it")
    path = tmp_path / "p.sh"
    path.write_text(script)
    said = subprocess.run([bash, "-c", f". {path}; umask"], capture_output=True, check=True, text=True).stdout
    reached = [item for item in parse(script, ()) if item.when in ("always", "sometimes")]
    assert reached[-1].value is not None
    assert umask_bits(reached[-1].value) == int(said, 8)


def test_limits() -> None:
    with pytest.raises(ParseError):
        parse("umask\0", ())
    with pytest.raises(ParseError, match="blocks"):
        commands("{ " * 2000)
    with pytest.raises(ParseError, match="words"):
        commands("a " * 400_001)
