"""Licence texts as expressions, and the class of an expression."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scanner.supply_chain.licenses import CLASSES, class_of, class_of_component, license_of, stated
from scanner.supply_chain.model import Component, License


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("MIT", "MIT"),
        ("mit", "MIT"),
        (" MIT ", "MIT"),
        ("(MIT)", "MIT"),
        ("GPL-2.0", "GPL-2.0-only"),
        ("GPL-2.0+", "GPL-2.0-or-later"),
        ("GPLv2+ and MIT", "GPL-2.0-or-later AND MIT"),
        ("MIT or Apache-2.0", "Apache-2.0 OR MIT"),
        ("MIT OR MIT", "MIT"),
        ("MIT AND (ISC AND BSD-3-Clause)", "BSD-3-Clause AND ISC AND MIT"),
        ("MIT AND (ISC OR BSD-3-Clause)", "(BSD-3-Clause OR ISC) AND MIT"),
        ("gpl-2.0-only with classpath-exception-2.0", "GPL-2.0-only WITH Classpath-exception-2.0"),
        ("The Apache Software License, Version 2.0", "Apache-2.0"),
        ("MIT AND LicenseRef-own", "LicenseRef-own AND MIT"),
        ("LicenseRef-own", None),
        ("DocumentRef-x:LicenseRef-own", None),
        ("NOASSERTION", None),
        ("NONE", None),
        ("", None),
        ("BSD", None),
        ("Acme EULA", None),
        ("MIT AND", None),
        ("AND", None),
        ("MIT AND Acme", None),
        ("Classpath-exception-2.0", None),
        ("MIT WITH MIT", None),
        ("https://example.com/license", None),
        ("(" * 1000, None),
        ("MIT OR " * 1000 + "MIT", None),
    ],
)
def test_expressions(text: str, expression: str | None) -> None:
    found = license_of(text, "declared")
    assert (found.text, found.expression, found.acknowledgement) == (text, expression, "declared")


_PARTS = st.recursive(
    st.sampled_from(["MIT", "ISC", "GPL-2.0-only", "Apache-2.0 WITH LLVM-exception", "LicenseRef-x", "mpl-2.0"]),
    lambda inner: st.builds(
        lambda word, parts: "(" + f" {word} ".join(parts) + ")",
        st.sampled_from(["AND", "OR", "and", "or"]),
        st.lists(inner, min_size=2, max_size=3),
    ),
    max_leaves=8,
)


@settings(max_examples=200, deadline=None)
@given(_PARTS)
def test_the_canonical_form_is_stable_and_keeps_its_class(text: str) -> None:
    found = license_of(text).expression
    if found is not None:
        assert license_of(found).expression == found
        assert class_of(found) == class_of(license_of(f"({text})").expression)
        assert class_of(found) in CLASSES


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=60))
def test_any_text_gives_a_licence(text: str) -> None:
    found = license_of(text)
    assert found.text == text
    assert class_of(found.expression) in CLASSES


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("MIT", "permissive"),
        ("0BSD", "permissive"),
        ("CC0-1.0", "public_domain"),
        ("Unlicense", "public_domain"),
        ("LGPL-2.1-or-later", "weak_copyleft"),
        ("MPL-2.0", "weak_copyleft"),
        ("EPL-2.0", "weak_copyleft"),
        ("GPL-2.0-only", "strong_copyleft"),
        ("GPL-3.0-or-later", "strong_copyleft"),
        ("AGPL-3.0-only", "network_copyleft"),
        ("SSPL-1.0", "proprietary"),
        ("BUSL-1.1", "proprietary"),
        ("CC-BY-NC-4.0", "proprietary"),
        ("CC-BY-4.0", "permissive"),
        ("CC-BY-SA-4.0", "weak_copyleft"),
        ("TMate", "strong_copyleft"),
        ("any-OSI", "unknown"),
        ("LicenseRef-own", "unknown"),
        ("MIT AND GPL-2.0-only", "strong_copyleft"),
        ("GPL-2.0-only OR MIT", "permissive"),
        ("LicenseRef-own AND MIT", "unknown"),
        ("LicenseRef-own OR MIT", "permissive"),
        ("AGPL-3.0-only AND (GPL-2.0-only OR MIT)", "network_copyleft"),
        ("GPL-2.0-only WITH Classpath-exception-2.0", "weak_copyleft"),
        ("GPL-3.0-or-later WITH GCC-exception-3.1", "weak_copyleft"),
        ("GPL-2.0-only WITH Linux-syscall-note", "strong_copyleft"),
        ("Apache-2.0 WITH LLVM-exception", "permissive"),
        ("MIT WITH Classpath-exception-2.0", "permissive"),
        (None, "unknown"),
    ],
)
def test_classes(expression: str | None, expected: str) -> None:
    assert class_of(expression) == expected


def test_a_policy_overrides_classes_by_identifier() -> None:
    assert class_of("MIT", {"MIT": "proprietary"}) == "proprietary"
    assert class_of("ISC OR MIT", {"ISC": "unknown"}) == "permissive"
    assert class_of("ISC AND LicenseRef-own", {"LicenseRef-own": "permissive"}) == "permissive"
    exception = "GPL-2.0-only WITH Classpath-exception-2.0"
    assert class_of(exception, {exception: "permissive"}) == "permissive"
    assert class_of("MIT", {"ISC": "proprietary"}) == "permissive"


def test_the_class_of_a_component() -> None:
    def of(*licenses: License) -> str:
        return class_of_component(Component("r", "n", licenses=licenses))

    assert of() == "unknown"
    assert of(license_of("NOASSERTION")) == "unknown"
    assert of(license_of("MIT"), license_of("GPL-2.0")) == "strong_copyleft"
    assert of(license_of("MIT"), license_of("Acme EULA")) == "unknown"
    assert of(license_of("GPL-2.0", "declared"), license_of("MIT", "concluded")) == "permissive"
    assert of(license_of("GPL-2.0", "declared"), license_of("NOASSERTION", "concluded")) == "strong_copyleft"


def test_what_states_nothing_is_left_out() -> None:
    assert stated([license_of("NOASSERTION"), license_of("MIT"), license_of(" "), license_of("NONE")]) == [
        license_of("MIT")
    ]
