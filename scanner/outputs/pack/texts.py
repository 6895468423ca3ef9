"""The words of the report in a language: one text for each key, with numbers filled in; never evaluated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from scanner.engine import yaml_text
from scanner.files import content_root, read_bytes
from scanner.model.errors import UsageError

__all__ = ["LANGUAGES", "Words", "check", "flat", "shipped"]

LANGUAGES = ("de", "en")
"""Languages that come with Assay: `reports/templates/pack.<language>.yaml`."""

MAX_TEXT = 4000
"""Characters of one text of a reader's own language file."""

_PLACE = re.compile(r"\{([a-z_]+)\}")


class Words:
    """Texts by dotted key. In a template: `t("cover.title")`, `t("count.rules", n=3)`, `t.word("status", "fail")`."""

    def __init__(self, texts: Mapping[str, Any]) -> None:
        self._texts = flat(texts)

    def __call__(self, key: str, **values: object) -> str:
        """The text, with `{name}` replaced by the value of that name. With `n`, `key.one` stands for exactly one."""
        if "n" in values and f"{key}.many" in self._texts:
            key += ".one" if values["n"] == 1 else ".many"
        return _PLACE.sub(lambda match: str(values.get(match[1], match[0])), self._texts[key])

    def word(self, kind: str, word: object) -> str:
        """A word of the assessment in this language; one that is not listed stays as it is."""
        return self._texts.get(f"words.{kind}.{word}".replace(" ", "_"), str(word).replace("_", " "))


def flat(texts: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested texts by dotted key."""
    found: dict[str, str] = {}
    for key, value in texts.items():
        if isinstance(value, Mapping):
            found.update(flat(value, f"{prefix}{key}."))
        else:
            found[prefix + key] = str(value)
    return found


@cache
def shipped(language: str) -> Mapping[str, Any]:
    """The texts of one of our languages. Raises UsageError for another."""
    if language not in LANGUAGES:
        raise UsageError(
            f"there are no texts in the language {language!r}",
            hint=f"known: {', '.join(LANGUAGES)}; for another write a language file and name it in the brand file",
        )
    name = f"pack.{language}.yaml"
    texts = yaml_text.load(read_bytes(content_root() / "reports" / "templates" / name), name)
    assert isinstance(texts, dict)
    return texts


def check(texts: object, where: str) -> Mapping[str, Any]:
    """A reader's own texts: every key of ours, no other, with the same things to fill in. Raises UsageError."""
    if not isinstance(texts, Mapping):
        raise UsageError(
            "a language file is a mapping of texts", where=where, hint="copy pack.en.yaml and translate it"
        )
    problem = next(_problems(texts), "")
    if problem:
        raise UsageError(problem, where=where, hint="copy reports/templates/pack.en.yaml and translate it")
    return texts


def _problems(texts: Mapping[str, Any]) -> Iterator[str]:
    ours, theirs = flat(shipped("en")), flat(texts)
    for word, keys in (("missing", ours.keys() - theirs.keys()), ("unknown", theirs.keys() - ours.keys())):
        if keys:
            yield f"{len(keys)} texts are {word}: {', '.join(sorted(keys)[:5])}"
    for key, text in theirs.items():
        if len(text) > MAX_TEXT or not text.strip():
            yield f"the text {key} is empty or longer than {MAX_TEXT} characters"
        if set(_PLACE.findall(text)) - set(_PLACE.findall(ours[key])):
            yield f"the text {key} asks for something that there is not: it may use {_PLACE.findall(ours[key])}"
