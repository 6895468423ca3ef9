"""GLib keyfiles as NetworkManager uses them."""

from __future__ import annotations

import pytest

from scanner.model.errors import ParseError
from scanner.parsers.nm_keyfile import Item, items, words


def test_pairs_groups_and_comments() -> None:
    text = "\ufeff# c\n[connection]\nid = a b \r\nuuid=x\n\n[802-1x]\neap=tls;peap;\nname[de]=y\n[connection]\nid=z\n"
    assert items(text) == [
        Item("connection", "id", "a b", 3),
        Item("connection", "uuid", "x", 4),
        Item("802-1x", "eap", "tls;peap;", 7),
        Item("connection", "id", "z", 10),
    ]


def test_escapes() -> None:
    assert items("[a]\nb=\\sx\\ty\\\\z\\n\\q\n")[0].value == " x\ty\\z\n\\q"


def test_an_equals_sign_in_the_value() -> None:
    assert items("[a]\nb==c=d\n")[0].value == "=c=d"


def test_operators() -> None:
    found = items("[main]\nplugins+=a\nplugins -= b\n", operators=True)
    assert [(item.key, item.operator, item.value) for item in found] == [("plugins", "+", "a"), ("plugins", "-", "b")]
    assert items("[main]\nplugins+=a\n")[0].key == "plugins+"


def test_lists() -> None:
    assert words(" a ; b,c;; ") == ["a", "b", "c"]


@pytest.mark.parametrize(
    "text", ["a=b", "[a]\nnothing", "[a\nb=c", "[]\nb=c", "[a]\n=b", "[a]b]\nc=d", "[a]\n" + "x" * 1_000_001]
)
def test_malformed(text: str) -> None:
    with pytest.raises(ParseError):
        items(text)
