"""The YAML of content: plain values, and an end to every text that would not end."""

import resource
import subprocess
import sys

import pytest

from scanner.engine import yaml_text
from scanner.engine.yaml_text import MAX_DEPTH, MAX_SIZE, MAX_VALUES, load, place
from scanner.model.errors import ContentError

DEEP = 100_000


def _indented(line: str, last: str = "x") -> str:
    return "".join(" " * (level % 8000) + line + "\n" for level in range(400)) + " " * 400 + last


NESTED = {
    "dashes": "- " * DEEP + "x",
    "dashes and two spaces": "-  " * DEEP + "x",
    "dashes and three spaces": "-   " * DEEP + "x",
    "dashes and tabs": "-\t" * DEEP + "x",
    "question marks": "? " * DEEP + "x",
    "question marks and two spaces": "?  " * DEEP + "x",
    "dashes and question marks": "- ? " * DEEP + "x",
    "dashes and question marks, two spaces": "-  ?  " * DEEP + "x",
    "colons": "? - : - " * DEEP + "x",
    "brackets": "[" * DEEP,
    "brackets and spaces": "[ " * DEEP,
    "closed brackets": "[" * DEEP + "]" * DEEP,
    "closed and opened brackets": "[[]," * DEEP,
    "braces": "{a: " * DEEP,
    "braces of keys": "{? " * DEEP,
    "brackets and braces": "[{a: " * DEEP,
    "pairs in brackets": "[a: " * DEEP,
    "brackets on lines": "[\n" * DEEP,
    "brackets and comments": "[ # ]]]]\n" * DEEP,
    "brackets in a quoted text first": "a: ']]]]]]]]]'\nb: " + "[" * DEEP,
    "sequences on lines": _indented("-"),
    "mappings on lines": _indented("a:"),
    "keys on lines": _indented("?"),
    "sequences on lines, comments between": _indented("- # more\n\n#"),
    "sequences in mappings": "".join(" " * level + "a:\n" + " " * level + "-\n" for level in range(400)),
    "tags": "!!seq\n" + _indented("- !!seq"),
    "dashes of another encoding": ("-  " * DEEP + "x").encode("utf-16"),
    "lines of another kind": "\r".join(" " * level + "-" for level in range(400)),
}


@pytest.mark.parametrize("text", NESTED.values(), ids=NESTED)
def test_what_is_nested_too_deeply_is_refused(text: str | bytes) -> None:
    data = text if isinstance(text, bytes) else text.encode()

    with pytest.raises(ContentError, match=r"x\.yaml:\d+: |x\.yaml: larger"):
        load(data, "x.yaml")
    assert place(data, ("a", 0)) == 1


@pytest.mark.parametrize("name", ["dashes and two spaces", "sequences on lines", "sequences in mappings", "braces"])
def test_the_depth_is_what_is_named(name: str) -> None:
    data = NESTED[name]
    assert isinstance(data, str)

    with pytest.raises(ContentError, match="nested too deeply"):
        load(data.encode(), "x")


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ("-  ", ""), ("{a: ", "}")])
def test_the_limit_of_depth_is_exact(opening: str, closing: str) -> None:
    found = load((opening * MAX_DEPTH + "x" + closing * MAX_DEPTH).encode(), "x")
    depth = 0
    while not isinstance(found, str):
        found = next(iter(found.values() if isinstance(found, dict) else found))
        depth += 1

    assert (found, depth) == ("x", MAX_DEPTH)
    with pytest.raises(ContentError, match="nested too deeply"):
        load((opening * (MAX_DEPTH + 1) + "x" + closing * (MAX_DEPTH + 1)).encode(), "x")


def test_a_large_document_is_refused_before_it_is_read() -> None:
    assert load(b"'" + b"x" * (MAX_SIZE - 2) + b"'", "x") == "x" * (MAX_SIZE - 2)
    with pytest.raises(ContentError, match="larger than 1,048,576 bytes"):
        load(b"[" + b"x," * MAX_SIZE + b"]", "x")


def test_a_document_of_too_many_values_is_refused() -> None:
    assert len(load(b"[" + b"x," * (MAX_VALUES - 1) + b"]", "x")) == MAX_VALUES - 1
    with pytest.raises(ContentError, match="x:1: more than 100,000 values"):
        load(b"[" + b"x," * MAX_VALUES + b"]", "x")


def test_the_largest_that_is_read_stays_small_in_memory() -> None:
    """In a process of its own with 200 MB of address space for it all."""
    text = (
        "from scanner.engine.yaml_text import load\nassert len(load(b'[' + b'[],' * 99990 + b']', 'x')) == 99990\n"
        "print('read')"
    )
    limit = 200 << 20

    done = subprocess.run(
        [sys.executable, "-c", text],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )

    assert (done.returncode, done.stdout) == (0, "read\n"), done.stderr


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x 1\n", "x:1: anchors and aliases"),
        ("a: 1\nb: *x\n", "x:2: anchors and aliases"),
        ("a: 1\n--- \nb: 2\n", "x:2: a second document"),
        ("a: 1\na: 2\n", "x:2: the key 'a' stands twice"),
        ("on: 1\n", "x:1: the key True is not text"),
        ("? [a]\n: 1\n", "x:1: the key '[]' is not text"),
        ("a: !!binary aGk=\n", "x:1: 'aGk=' with the tag tag:yaml.org,2002:binary is not used"),
        ("a: !!set {b}\n", "x:1: the tag tag:yaml.org,2002:set is not used"),
        ("a: !!python/name:os.system x\n", "x:1: 'x' with the tag"),
        ("a: !!bool x\n", "x:1: 'x' with the tag"),
        ("a: !!int x\n", "x:1: 'x' is no whole number"),
        ("a: !!int ''\n", "x:1: '' is no whole number"),
        ("<<: {a: 1}\n", "x:1: '<<' with the tag"),
        ("a: " + "9" * 41, "x:1: a number of more than 40 characters"),
        ("a: 0x" + "f" * 5000, "x:1: a number of more than 40 characters"),
        ("a: 1" + ":1" * 5000, "x:1: a number of more than 40 characters"),
        ("a: [b\n", "x:2: did not find expected"),
        ("a: \0", "x: not YAML"),
    ],
)
def test_what_content_never_has_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(ContentError) as caught:
        load(text.encode(), "x")

    assert str(caught.value).replace('"', "'").replace("'True'", "True").startswith(message)


def test_values_are_what_they_look_like() -> None:
    text = "a: 1\nb: 'on'\nc: yes\nd: ~\ne: 1.50\nf: 2026-01-31\ng: 0644\nh: !!str 7\ni: [x, [y], {}]\nj: =\nk:\n"

    assert load(text.encode(), "x") == {
        **{"a": 1, "b": "on", "c": True, "d": None, "e": "1.50", "f": "2026-01-31", "g": 0o644, "h": "7"},
        **{"i": ["x", ["y"], {}], "j": "=", "k": None},
    }
    assert load(b"", "x") is None
    assert load(b"# nothing\n", "x") is None


def test_a_place_is_found_without_the_rest() -> None:
    data = b"a: 1\nb:\n  - c: 2\n  - d: 3\n"

    assert place(data, ("b", 1, "d")) == 4
    assert place(data, ("b", 7)) == 2
    assert place(b"a: [", ("a",)) == 1


def test_the_pure_parser_builds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    import yaml

    text = b"a: [1, x, 'y']\nb: {c: ~, d: on}\n"
    in_c = load(text, "x")
    monkeypatch.setattr(yaml_text, "_library", lambda: (yaml.SafeLoader, yaml.SafeLoader("")))

    assert load(text, "x") == in_c
    with pytest.raises(ContentError, match="nested too deeply"):
        load(b"-  " * 3000 + b"x", "x")


def test_the_places_of_a_list() -> None:
    assert yaml_text.places(b"a: 1\nb:\n- c\n- d:\n    e\n- f\n", "b") == [3, 4, 6]
    assert yaml_text.places(b"a: 1\n", "a") == yaml_text.places(b"", "a") == yaml_text.places(b"[", "a") == []
