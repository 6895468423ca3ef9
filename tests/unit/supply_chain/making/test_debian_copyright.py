"""Licences from machine-readable copyright files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scanner.supply_chain.making.debian_copyright import license_from

HEAD = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"


def text(*names: str) -> str:
    return HEAD + "\n".join(f"Files: {number}\nLicense: {name}\n text\n" for number, name in enumerate(names))


@pytest.mark.parametrize(
    ("names", "expression"),
    [
        (["GPL-2+"], "GPL-2.0-or-later"),
        (["GPL-3"], "GPL-3.0-only"),
        (["LGPL-2.1+"], "LGPL-2.1-or-later"),
        (["Expat", "Expat"], "MIT"),
        (["GPL-2+ or Artistic"], "Artistic-1.0-Perl OR GPL-2.0-or-later"),
        (["Apache-2.0", "BSD-3-clause"], "Apache-2.0 AND BSD-3-Clause"),
        (["GPL-2+ or Expat", "Zlib"], "(GPL-2.0-or-later OR MIT) AND Zlib"),
        (["Zlib", "Own-License"], "LicenseRef-debian-Own-License AND Zlib"),
        (["Zlib", "GPL-2+ with OpenSSL exception"], "LicenseRef-debian-GPL-2-with-OpenSSL-exception AND Zlib"),
    ],
)
def test_short_names_become_expressions(names: list[str], expression: str) -> None:
    found = license_from(text(*names))
    assert found is not None
    assert found.expression == expression


def test_a_lone_unknown_name_stays_a_text() -> None:
    found = license_from(text("public-domain"))
    assert found is not None
    assert (found.text, found.expression) == ("public-domain", None)


@pytest.mark.parametrize(
    "other", ["", "This package was debianized by somebody.\n", "Format: something\n\nFiles: *\nLicense: MIT\n", HEAD]
)
def test_what_is_not_machine_readable_says_nothing(other: str) -> None:
    assert license_from(other) is None


def test_paragraphs_that_only_give_a_text_do_not_count() -> None:
    found = license_from(text("Expat") + "\nLicense: GPL-2\n text\n")
    assert found is not None
    assert found.expression == "MIT"


@given(st.text(max_size=300))
def test_no_text_raises(body: str) -> None:
    found = license_from(HEAD + body)
    assert found is None or found.acknowledgement == "declared"
