"""Following scripts: the statuses they can end with, compared with bash where all is known."""

import shutil
import subprocess
from collections.abc import Sequence

import pytest

from scanner.parsers.shell_paths import Answer
from scanner.parsers.shell_run import endings
from scanner.parsers.shell_syntax import parse
from scanner.parsers.shell_tools import answer
from scanner.parsers.shell_values import Text, UndecidedError


class Known:
    """A world in which only text tools are known."""

    def file(self, path: str) -> tuple[bool, str | None]:
        return (True, "one\ntwo words\n") if path == "/known" else (False, None)

    def program(self, name: str, arguments: Sequence[Text], stdin: Text) -> Answer | None:
        return answer(name, arguments, stdin, self.file)

    def installed(self, name: str) -> bool | None:
        return None

    def script(self, path: str) -> tuple[bool, str | None]:
        return (True, "greeting=hello\n") if path == "/lib.sh" else (False, None)


def ends(text: str) -> set[int]:
    return endings(parse(text), Known())


FIXED = [
    "exit 0",
    "exit 3",
    "exit 256",
    "false",
    "false; true",
    "false || exit 4",
    "true && exit 5",
    "! false",
    "! true",
    "set -e\nfalse\nexit 0",
    "set -e\nfalse || true\nexit 6",
    "set -e\n! true\nexit 7",
    "set -e\nif false; then :; fi\nexit 8",
    "set -e\nfalse && true\nexit 9",
    "set -e\nf() { false; echo x; }\nif f; then exit 10; fi\nexit 11",
    "set -e\nf() { false; echo x; }\nf\nexit 12",
    "set -e\nx=$(false)\nexit 13",
    "set -e\nf() { local x=$(false); }\nf\nexit 14",
    "set -e\nx=$(false; echo y)\nexit 15",
    "set -e\nfalse | true\nexit 16",
    "set -eo pipefail\nfalse | true\nexit 17",
    "set -e\n(false)\nexit 18",
    "set -e\n{ false; }\nexit 19",
    "set -e; set +e; false; exit 20",
    "f() { return 21; }; f",
    "f() { exit 22; }; f; exit 0",
    "x=$(exit 23); exit $?",
    "(exit 24) || exit 25",
    "for i in 1 2 3; do [ $i = 2 ] && exit 26; done",
    "for i in a b; do continue; exit 1; done; exit 27",
    "i=0; while [ $i -lt 5 ]; do i=$((i+1)); done; exit $i",
    "i=0; until [ $i -ge 3 ]; do ((i++)); done; exit $i",
    "while true; do while true; do break 2; done; done; exit 28",
    "case abc in a*) exit 29;; *) exit 30;; esac",
    "case x in a|x) exit 31;; esac",
    "x='a b'; set -- ; for w in $x; do n=$((n+1)); done; exit $n",
    "x='a b'; for w in \"$x\"; do n=$((n+1)); done; exit $n",
    "x=(a b c); exit ${#x[@]}",
    '[ -z "$unset_name" ] && exit 32',
    "[[ abc == a* ]] && exit 33",
    "[[ abc == 'a*' ]] || exit 34",
    "[[ abc =~ ^a.c$ ]] && exit 35",
    "[[ abc =~ 'a.c' ]] || exit 36",
    "[ 3 -gt 2 -a 1 -eq 1 ] && exit 37",
    "[ ! a = a ] || exit 38",
    "echo x | grep -q y || exit 39",
    "echo '[integrity] confidentiality' | grep -q '[confidentiality]' && exit 40",
    "echo '[integrity] confidentiality' | grep -q '\\[confidentiality\\]' || exit 41",
    "echo '#SELINUX=enforcing' | grep -Eq '^[[:space:]]*SELINUX=' || exit 42",
    "x=$(echo 'a b c' | awk '{print $2}'); [ \"$x\" = b ] && exit 43",
    "x=$(printf 'k=v\\n' | cut -d= -f2); exit 44",
    'f() { [ "$1" = a ] && [ "$#" = 2 ]; }; f a b && exit 45',
    "x=1; (x=2); exit $x",
    "x=1; { x=2; }; exit $x",
    "echo a | while read -r l; do exit 46; done; exit $?",
    "cat <<E >/dev/null\nexit 1\nE\nexit 47",
    "x=${unset_name:-48}; exit $x",
    "exit $((2*3+1))",
    "((0)) || exit 49",
    "let 1 && exit 50",
    "test 1 = 1; exit $?",
    "command true && exit 51",
    "x=AbC; [ ${x,,} = abc ] && exit 52",
    "trap 'echo bye' EXIT; exit 53",
    "exec 2>/dev/null; exit 54",
    "for i in {1..4}; do x=$i; done; exit $x",
    "false & exit 55",
    "if false; then exit 1; elif true; then exit 56; else exit 2; fi",
    "[ 1 = 2 ] || { [ 1 = 1 ] && exit 57; }",
    "x=a; x+=b; [ $x = ab ] && exit 58",
    "echo a >/dev/null && exit 59",
    "[[ -n '' || 1 -lt 2 ]] && exit 60",
]


@pytest.mark.parametrize("text", FIXED)
def test_like_bash(text: str) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed: make test installs it")
    done = subprocess.run([bash, "-c", text], capture_output=True, check=False, timeout=10)
    found = ends(text)
    assert done.returncode in found
    assert len(found) == 1 or "printf" in text or "read" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("thing", {0, 1}),
        ("thing || exit 3", {0, 3}),
        ("[ -f /somewhere ] && exit 4", {1, 4}),
        ("for f in /etc/x.d/*.conf; do thing $f || exit 5; done", {0, 1, 5} - {1}),
        ("while thing; do :; done; exit 6", {6}),
        ("until thing; do sleep 1; done", {0}),
        ("x=$(thing); case $x in ok) exit 0;; *) exit 7;; esac", {0, 7}),
        ("exit $code", {0}),
        ("exit $CODE", {0, 1}),
        ("timeout 5 true || exit 8", {0, 8}),
        (". /lib.sh; [ $greeting = hello ] && exit 9", {9}),
        ('[ "$(< /known)" = x ] || exit 10', {10}),
        ("read -r line < /known; [ $line = one ] && exit 11", {0, 1, 11}),
    ],
)
def test_open_things(text: str, expected: set[int]) -> None:
    assert ends(text) <= expected
    assert ends(text)


@pytest.mark.parametrize(
    "text",
    [
        'eval "$x"',
        "source /unknown/lib.sh",
        "trap 'exit 0' EXIT; false",
        "f() { f; }; f",
        "\n".join(f"thing{n} && a{n}=1" for n in range(12)) + "\nexit $a0$a1",
        "i=0; while [ $i -lt 99999 ]; do i=$((i+1)); done",
    ],
)
def test_undecided(text: str) -> None:
    with pytest.raises(UndecidedError):
        ends(text)
