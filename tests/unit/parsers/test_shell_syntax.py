"""Shell scripts as trees."""

import pytest

from scanner.model.errors import ParseError
from scanner.parsers import shell_tree as tree
from scanner.parsers.shell_syntax import parse


def only(text: str) -> tree.Command:
    script = parse(text)
    assert len(script.items) == 1
    return script.items[0][0]


def test_a_comment_is_nothing() -> None:
    assert parse("# getenforce\n  # exit 1\n\n").items == ()


def test_words() -> None:
    command = only("""echo a"b $c"'d # e' \\$f #g""")
    assert isinstance(command, tree.Simple)
    assert command.words == (
        (tree.Literal("echo", False),),
        (
            tree.Literal("a", False),
            tree.Literal("", True),
            tree.Literal("b ", True),
            tree.Variable("c", "", True),
            tree.Literal("d # e", True),
        ),
        (tree.Literal("$", True), tree.Literal("f", False)),
    )


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a && b || c", tree.AndOr),
        ("! a", tree.Pipe),
        ("a | b", tree.Pipe),
        ("if a; then b; elif c; then d; else e; fi", tree.If),
        ("while a; do b; done < f", tree.Group),
        ("until a; do b; done", tree.Loop),
        ("for x in 1 2; do b; done", tree.For),
        ("for ((i=0; i<3; i++)); do b; done", tree.For),
        ("case $x in (a|b) c;; *) d ;; esac", tree.Case),
        ("f() { a; }", tree.Function),
        ("function f { a; }", tree.Function),
        ("(a; b)", tree.Group),
        ("{ a; } >&2", tree.Group),
        ("[[ $a == b* && ! -f /x ]]", tree.Compare),
        ("((x > 3))", tree.Arithmetic),
        ("x=1 y=(a b) z", tree.Simple),
        ("a <<'E' | b\nif (\nE\n", tree.Pipe),
        ("a \\\n b", tree.Simple),
        ("x=`a b`", tree.Simple),
        ("a < <(b)", tree.Simple),
    ],
)
def test_structure(text: str, kind: type) -> None:
    assert isinstance(only(text), kind)


@pytest.mark.parametrize(
    "text",
    [
        "if a; then b",
        "a )",
        "fi",
        'echo "x',
        "echo 'x",
        "echo ${x",
        "echo $((1+",
        "case x in a) b",
        "[[ a",
        "select x in a; do b; done",
        "a\0b",
        "exit 0\r\n",
        "(" * 500,
        "$(" * 500,
        "x" * (256 * 1024 + 1),
    ],
)
def test_refused(text: str) -> None:
    with pytest.raises(ParseError):
        parse(text)
