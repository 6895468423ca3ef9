"""Whatever the bytes: unit files, socket tables, container policy, ostree texts and shell scripts give an answer or a
ParseError; and scripts of which all is known end as they do under bash."""

import shutil
import subprocess
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.model.errors import ParseError
from scanner.parsers import container_policy, health_check, ostree, proc_net, systemd_preset, systemd_unit
from scanner.parsers.shell_paths import Answer
from scanner.parsers.shell_run import endings
from scanner.parsers.shell_syntax import parse
from scanner.parsers.shell_tools import answer
from scanner.parsers.shell_values import Text, UndecidedError, arithmetic, compare, regex_search

UNIT = "[Unit]\nAfter=a.service \\\n b.service\n[Socket]\nListenStream=[::]:22\n[Timer]\nOnCalendar=daily\n"
POLICY = '{"default": [{"type": "reject"}], "transports": {"docker": {"q/x": [{"type": "sigstoreSigned", "keyPath": "/k"}]}}}'
REGISTRY = "default-docker:\n  lookaside: x\ndocker:\n  quay.io/x:\n    use-sigstore-attachments: true\n"
ORIGIN = "[origin]\ncontainer-image-reference=ostree-image-signed:docker://q/x\n"
STATUS = '{"kind": "BootcHost", "spec": {"image": {"image": "q"}}, "status": {"booted": {"image": {}}}}'
TABLE = (
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    "   0: 0100007F:0277 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 12345 1 0 100\n"
)
SCRIPT = (
    'set -eo pipefail\nf() { local x=$(getenforce); [ "$x" = Enforcing ] || return 1; }\n'
    "for i in 1 2; do f && exit 0; sleep 1; done\ncase $y in a|b) exit 1;; esac\n"
    "if [[ $z =~ ^a+$ && ! -f /x ]]; then echo $((i + 1)) >&2; fi\nwhile read -r l; do :; done < /proc/mounts\n"
)

PARSERS: list[tuple[str, Callable[[str], object]]] = [
    (UNIT, lambda text: _all_of_a_unit(text)),
    ("enable a*.service\ndisable *\n", systemd_preset.parse),
    (POLICY, container_policy.parse_policy),
    (REGISTRY, container_policy.parse_registries),
    (ORIGIN, ostree.parse_keyfile),
    ("ostree-remote-image:r:docker://q/x", ostree.image_reference),
    (STATUS, ostree.parse_status),
    (TABLE, proc_net.parse_sockets),
    ("sk RefCnt Type Proto Iface R Rmem User Inode\nf 3 3 0003 2 1 0 0 6\n", proc_net.parse_packet),
    (" ENDPT SOCK STY SST HBKT LPORT UID INODE LADDRS\nf f 2 10 29 11168 0 42 10.0.0.1\n", proc_net.parse_sctp),
    (SCRIPT, parse),
]


def _all_of_a_unit(text: str) -> None:
    unit = systemd_unit.Unit(systemd_unit.parse(text))
    systemd_unit.listens(unit)
    systemd_unit.schedule(unit)
    unit.names("Unit", "After")


@pytest.mark.parametrize(("valid", "parser"), PARSERS)
def test_only_parse_errors(valid: str, parser: Callable[[str], object]) -> None:
    parser(valid)

    @settings(max_examples=200, deadline=None)
    @given(st.text() | st.binary().map(lambda data: data.decode("utf-8", "surrogateescape")) | _mutated(valid))
    def check(text: str) -> None:
        try:
            parser(text)
        except ParseError:
            return

    check()


def _mutated(valid: str) -> st.SearchStrategy[str]:
    def change(at: int, length: int, put: str) -> str:
        start = at % (len(valid) + 1)
        return valid[:start] + put + valid[start + length :]

    return st.builds(change, st.integers(0, 10_000), st.integers(0, 6), st.text(max_size=6))


@settings(max_examples=200, deadline=None)
@given(st.text() | _mutated(SCRIPT))
def test_a_script_is_read_or_undecided(text: str) -> None:
    found = health_check.read(text, health_check.Surroundings())
    assert set(found.tests) <= set(health_check.BEHAVIOURS)
    assert found.undecided is None or not found.tests


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="a*+?{}[]()|^$\\.1,: -", max_size=40), st.text(alphabet="ab 1", max_size=200), st.booleans())
def test_expressions_never_take_long(pattern: str, subject: str, basic: bool) -> None:
    assert regex_search(pattern, subject, basic=basic) in (True, False, None)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="0123456789+-*/%()<>=!&| ax$", max_size=60))
def test_sums(text: str) -> None:
    found = arithmetic(text, lambda name: "3")
    assert found is None or isinstance(found, int)


WORDS = st.sampled_from(["a", "", "=", "!=", "-eq", "-n", "-z", "!", "(", ")", "-a", "-o", "3", "-f", None])


@settings(max_examples=200, deadline=None)
@given(st.lists(WORDS, max_size=8))
def test_tests(words: list[Text]) -> None:
    assert compare(words, lambda path: (False, None), lambda name: None) in (True, False, None)


class _Known:
    def file(self, path: str) -> tuple[bool, str | None]:
        return False, None

    def program(self, name: str, arguments: Sequence[Text], stdin: Text) -> Answer | None:
        return answer(name, arguments, stdin, self.file)

    def installed(self, name: str) -> bool | None:
        return None

    def script(self, path: str) -> tuple[bool, str | None]:
        return False, None


SIMPLE = st.sampled_from(
    (
        *("true", "false", "exit 3", "x=1", "x=$(false)", "[ $x = 1 ]", "echo a", "f", "return 4", "set -e", "set +e"),
        *("x=$((x+1))", "[[ -n $x ]]", "local y=$(false)", "echo b >/dev/null", "command false", "((x))", "break", ":"),
    )
)


def _compound(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    two = st.tuples(inner, inner)
    return st.one_of(
        two.map(lambda pair: f"{pair[0]}\n{pair[1]}"),
        st.tuples(SIMPLE, SIMPLE).map(lambda pair: f"{pair[0]} && {pair[1]}"),
        st.tuples(SIMPLE, SIMPLE).map(lambda pair: f"{pair[0]} || {pair[1]}"),
        SIMPLE.map(lambda one: f"! {one}"),
        st.tuples(SIMPLE, SIMPLE).map(lambda pair: f"{pair[0]} | {pair[1]}"),
        two.map(lambda pair: f"if {pair[0]}\nthen {pair[1]}\nfi"),
        two.map(lambda pair: f"if {pair[0]}\nthen :\nelse {pair[1]}\nfi"),
        inner.map(lambda one: f"({one}\n)"),
        inner.map(lambda one: f"{{ {one}\n}}"),
        inner.map(lambda one: f"for i in 1 2; do {one}\ndone"),
        inner.map(lambda one: f"z=$({one}\n)"),
        inner.map(lambda one: f"g() {{ {one}\n}}\ng"),
    )


@settings(max_examples=200, deadline=None)
@given(st.recursive(SIMPLE, _compound, max_leaves=6))
def test_scripts_end_as_under_bash(body: str) -> None:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("bash is not installed: make test installs it")
    text = f"f() {{ false; echo in; }}\nx=0\n{body}\n"
    try:
        found = endings(parse(text), _Known())
    except (ParseError, UndecidedError):
        return
    done = subprocess.run([bash, "-c", text], capture_output=True, check=False, timeout=20)
    assert done.returncode in found
