"""What the words of a shell script can become: variables, command substitution, splitting, redirections."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from scanner.parsers import shell_tree as tree
from scanner.parsers.shell_effort import spend
from scanner.parsers.shell_paths import ARRAY, MAX_ROUNDS, Path, State, World, joined, within
from scanner.parsers.shell_values import Text, UndecidedError, arithmetic, operator

__all__ = ["Expander"]

_FIELDS_PER_UNIT = 32
"""What is copied and compared of the arguments so far, for each word that is added to them."""

_PARTS_PER_UNIT = 8


class Expander(ABC):
    """Expansion in one world. Each result is a list: everything that the words can become."""

    world: World
    loops = 0

    @abstractmethod
    def run(self, node: tree.Command, state: State, stdin: Text, tested: bool) -> list[Path]:
        """Every way the command can end. `tested`: its status is looked at, so `set -e` does not count."""

    def apart(self, node: tree.Command, state: State, stdin: Text, tested: bool) -> list[Path]:
        """`run` in a subshell, from where no loop outside can be left."""
        loops, self.loops = self.loops, 0
        paths = self.run(node, state, stdin, tested)
        self.loops = loops
        return paths

    def _texts(self, word: tree.Word, state: State, stdin: Text) -> list[tuple[Text, int | None]]:
        """The texts a word can become, each with the status of the last `$(…)` in it."""
        found: list[tuple[Text, int | None]] = [("", None)]
        spend(len(word) // _PARTS_PER_UNIT)
        for part in word:
            spend(sum(1 + len(text or "") // 64 for text, _ in found) // _FIELDS_PER_UNIT)
            values = list(self._part(part, state, stdin))
            found = list(
                dict.fromkeys(
                    (joined(text, value), status if new is None else new)
                    for text, status in found
                    for value, new in values
                )
            )
            within(found)
        return found

    def _part(self, part: tree.Part, state: State, stdin: Text) -> Iterator[tuple[Text, int | None]]:
        match part:
            case tree.Literal():
                yield part.text, None
            case tree.Variable():
                yield operator(state.get, part.name, part.rest, state.status), None
            case tree.Sum():
                value = arithmetic(part.text, state.get)
                yield (None if value is None else str(value)), None
            case tree.Run():
                # bash switches `set -e` off inside.
                for path in self.apart(part.body, replace(state, errexit=False), stdin, False):
                    out = path.out
                    yield (out.rstrip("\n") if out is not None else None), path.state.status

    def _patterns(self, word: tree.Word, state: State, stdin: Text, signs: str) -> list[Text]:
        """The patterns a word can become; of quoted text the `signs` are made literal."""
        found: list[Text] = [""]
        for part in word:
            texts = {
                _literal(text, signs) if text and part.quoted else text for text, _ in self._part(part, state, stdin)
            }
            found = [joined(known, text) for known in found for text in texts]
            within(found)
        return found

    def _fields(
        self, words: Iterable[tree.Word], state: State, stdin: Text
    ) -> list[tuple[tuple[Text, ...], int | None]]:
        """The arguments that words can become, after splitting."""
        found: list[tuple[tuple[Text, ...], int | None]] = [((), None)]
        for word in words:
            spend(sum(1 + len(fields) for fields, _ in found) // _FIELDS_PER_UNIT)
            splits = any(not part.quoted and not isinstance(part, tree.Literal) for part in word)
            options = [(_split(text, splits, word), status) for text, status in self._texts(word, state, stdin)]
            found = list(
                dict.fromkeys(
                    ((*fields, *more), status if new is None else new)
                    for fields, status in found
                    for more, new in options
                )
            )
            within(found)
        return found

    def _redirected(
        self, redirects: Sequence[tree.Redirect], state: State, stdin: Text
    ) -> list[tuple[Text, bool, bool]]:
        """Standard input, whether the output goes elsewhere, and whether an input file is missing."""
        found: list[tuple[Text, bool, bool]] = [(stdin, False, False)]
        for redirect in redirects:
            if redirect.sign in (">", ">>", ">|", "&>", "&>>", ">&"):
                to_output = redirect.sign == ">&" and redirect.descriptor not in ("", "1")
                silent = redirect.descriptor in ("", "1") and not to_output
                found = [(text, quiet or silent, missing) for text, quiet, missing in found]
                continue
            if redirect.sign not in ("<", "<<<", "<<"):
                raise UndecidedError("an unusual redirection")
            texts = [text for text, _ in self._texts(redirect.word, state, stdin)]
            found = [
                new
                for _, quiet, missing in found
                for text in texts
                for new in self._input(redirect, text, quiet, missing)
            ]
            within(found)
        return found

    def _input(
        self, redirect: tree.Redirect, text: Text, quiet: bool, missing: bool
    ) -> Iterator[tuple[Text, bool, bool]]:
        if redirect.sign != "<":
            yield (joined(text, "\n") if redirect.sign == "<<<" else None), quiet, missing
            return
        known, content = self.world.file(text) if text is not None else (False, None)
        if not known or content is not None:
            yield content, quiet, missing
        if not known or content is None:
            yield "", quiet, True


def _literal(text: str, signs: str) -> str:
    """`text` with the signs of a pattern in brackets, where they mean themselves; `^` and `\\` need a backslash."""
    return "".join(
        f"\\{char}" if char in "^\\" and char in signs else f"[{char}]" if char in signs else char for char in text
    )


def _split(text: Text, splits: bool, word: tree.Word) -> tuple[Text, ...]:
    if text is None:
        return (None,)
    if ARRAY in text:
        return tuple(text.split(ARRAY))
    if splits:
        return tuple(text.split())
    if not text and not any(part.quoted for part in word):
        return ()
    plain = "".join(part.text for part in word if isinstance(part, tree.Literal) and not part.quoted)
    if "/" in plain and any(char in plain for char in "*?"):
        return (None,)
    return tuple(_counted(text)) if text.startswith("{") and len(word) == 1 else (text,)


def _counted(text: str) -> list[str]:
    """`{1..5}` as its numbers; any other text as it is."""
    first, dots, last = text.strip("{}").partition("..")
    if not dots or not (first.isdecimal() and last.isdecimal()) or len(first + last) > 8:
        return [text]
    low, high = int(first), int(last)
    return [str(number) for number in range(low, high + 1)] if 0 <= high - low < MAX_ROUNDS else [text]
