"""CPE names in both bindings, and which speaks of which."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.supply_chain import cpe

REST = ("*",) * 7


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("cpe:2.3:a:Acme:Tool:1.0:*:*:*:*:*:*:*", ("a", "acme", "tool", "1.0", *REST)),
        ("cpe:/a:Acme:Tool:1.0", ("a", "acme", "tool", "1.0", *REST)),
        ("cpe:/o:acme:os", ("o", "acme", "os", "*", *REST)),
        (r"cpe:2.3:a:acme:tool\\:x\\*:1\\.0:-:*:*:*:*:*:*".replace("\\\\", "\\"), ("a", "acme", "tool:x*", "1.0", "-", *REST[1:])),
        ("cpe:/a:acme:tool%2fx:1%2b2", ("a", "acme", "tool/x", "1+2", *REST)),
        ("cpe:/a:acme:tool:1:sp1:~~pro~linux~x64~more:de", ("a", "acme", "tool", "1", "sp1", "*", "de", "pro", "linux", "x64", "more")),
    ],
)  # fmt: skip
def test_both_bindings_give_one_name(text: str, name: cpe.Name) -> None:
    assert cpe.parse(text) == name


@pytest.mark.parametrize(
    "text",
    [
        *("", "x", "cpe:", "cpe:/", "cpe:/a", "cpe:/a:acme", "cpe:/a::tool", "cpe:2.3:a:acme:tool:1"),
        *("cpe:2.3:a:acme:*:1:*:*:*:*:*:*:*", "cpe:2.3:a:acme:tool:1.?:*:*:*:*:*:*:*", "cpe:/a:acme:tool:1%02"),
        *("cpe:2.3:a:acme:tool:1.*:*:*:*:*:*:*:*", f"cpe:/a:acme:tool:{'1' * 3000}", "cpe:/a:b:c:d:e:f:g:h:i:j:k:l:m"),
    ],
)
def test_what_names_no_product_is_refused(text: str) -> None:
    assert cpe.parse(text) is None


@given(
    st.lists(st.sampled_from([*"abc*?-~:\\%", "%01", "%3a", "1.0", "cpe:/", "cpe:2.3:"]), max_size=20), st.booleans()
)
def test_any_text_is_read_or_refused_and_a_name_covers_itself(parts: list[str], uri: bool) -> None:
    name = cpe.parse(("cpe:/" if uri else "cpe:2.3:") + "".join(parts))
    assert name is None or (len(name) == 11 and cpe.covers(name, name, ""))


def test_the_version_beside_a_name_stands_in_for_one_that_it_leaves_open() -> None:
    wanted, plain = cpe.parse("cpe:/a:acme:tool:1.0"), cpe.parse("cpe:/a:acme:tool")
    assert wanted is not None
    assert plain is not None
    assert cpe.covers(wanted, plain, "1.0")
    assert not cpe.covers(wanted, plain, "2.0")
    assert not cpe.covers(wanted, plain, "")
    assert cpe.covers(plain, wanted, "")
