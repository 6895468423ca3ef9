"""Specifications of installed gems."""

from __future__ import annotations

import pytest

from scanner.model.errors import ParseError
from scanner.parsers.gemspec import Gem, parse

SPEC = """# -*- encoding: utf-8 -*-
# stub: nokogiri 1.16.2 x86_64-linux lib

Gem::Specification.new do |s|
  s.name = "nokogiri".freeze
  s.version = "1.16.2"
  s.platform = "x86_64-linux".freeze

  s.required_rubygems_version = Gem::Requirement.new(">= 0".freeze) if s.respond_to? :required_rubygems_version=
  s.authors = ["Mike \\"M\\" D".freeze, "Aaron P".freeze]
  s.homepage = "https://nokogiri.org".freeze
  s.licenses = ["MIT".freeze]
  s.summary = "Nokogiri (\\u92F8)".freeze

  s.specification_version = 4

  s.add_runtime_dependency(%q<racc>.freeze, ["~> 1.4".freeze])
  s.add_development_dependency(%q<rake>.freeze, [">= 0".freeze])
  s.add_dependency(%q<mini_portile2>, [">= 2.8"])
end
"""


def test_a_specification_as_rubygems_writes_it() -> None:
    assert parse(SPEC) == Gem(
        name="nokogiri",
        version="1.16.2",
        platform="x86_64-linux",
        licenses=("MIT",),
        authors=('Mike "M" D', "Aaron P"),
        homepage="https://nokogiri.org",
        summary="Nokogiri (u92F8)",
        needs=("racc", "mini_portile2"),
    )


def test_older_forms() -> None:
    text = "Gem::Specification.new do |s|\n  s.name = %q{old}\n  s.name = 'old'\n  s.version = Gem::Version.new('1.0')\nend\n"
    with pytest.raises(ParseError):
        parse(text)
    found = parse(text.replace("  s.name = %q{old}\n", ""))
    assert (found.name, found.version, found.platform, found.licenses) == ("old", "1.0", "ruby", ())


def test_texts_that_end_nowhere_cost_little() -> None:
    lines = [f"s.{name} = " + '"\\"' * 200_000 for name in ("summary", "homepage")]
    needs = ["s.add_dependency(" + '"\\"' * 1000] * 4000
    found = parse("\n".join(['s.name = "a"', 's.version = "1"', *lines, *needs]))
    assert (found.name, len(found.needs)) == ("a", 1)


@pytest.mark.parametrize("text", ["", "s.name = NAME\ns.version = '1'\n", "s.name = ''\ns.version = '1'\n", "\0" * 100])
def test_what_is_no_specification(text: str) -> None:
    with pytest.raises(ParseError):
        parse(text)
