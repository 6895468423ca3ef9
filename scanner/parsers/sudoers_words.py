r"""The words of a sudoers line: names, and the signs `, : = ( ) !` between them.

Format: sudoers(5), "Other special characters and reserved words". A word ends at a blank or a sign; `\x` and `"..."`
take the meaning away from both.
"""

from __future__ import annotations

import re

from scanner.model.records import dataclass

__all__ = ["Word", "Words", "members"]

_SIGNS = ",:=()!"
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_MAX_WORDS = 100_000


@dataclass(frozen=True, slots=True)
class Word:
    """A word (`kind` is "word") or a sign (`kind` is the sign); `start` and `end` are places in the line."""

    kind: str
    text: str
    quoted: bool
    start: int
    end: int


class Words:
    """A cursor over the words of one line. Every method that cannot go on raises ValueError."""

    def __init__(self, line: str) -> None:
        self._line = line
        self._words = _split(line)
        self._place = 0

    def peek(self) -> Word | None:
        """The word at the cursor, or None at the end."""
        return self._words[self._place] if self._place < len(self._words) else None

    def second(self, sign: str) -> bool:
        """Whether the word after the one at the cursor is `sign`."""
        place = self._place + 1
        return place < len(self._words) and self._words[place].kind == sign

    def at(self, sign: str) -> bool:
        """Whether `sign` is at the cursor."""
        word = self.peek()
        return word is not None and word.kind == sign

    def accept(self, sign: str) -> bool:
        """Step over `sign` if it is at the cursor."""
        if not self.at(sign):
            return False
        self._place += 1
        return True

    def expect(self, sign: str) -> None:
        """Step over `sign`, which must be there."""
        if not self.accept(sign):
            raise ValueError(f"{sign!r} is missing")

    def take(self) -> Word:
        """Step over a word, which must be there."""
        word = self.peek()
        if word is None or word.kind != "word":
            raise ValueError("a word is missing")
        self._place += 1
        return word

    def take_any(self) -> Word:
        """Step over a word or a sign, one of which must be there."""
        word = self.peek()
        if word is None:
            raise ValueError("a word is missing")
        self._place += 1
        return word

    def rest(self) -> str:
        """The text from the cursor on."""
        word = self.peek()
        return "" if word is None else self._line[word.start :]

    def end(self) -> None:
        """The line must end here."""
        word = self.peek()
        if word is not None:
            raise ValueError(f"{word.text[:40]!r} is not expected")


def members(words: Words) -> tuple[str, ...]:
    """A list of names with commas between them; a leading `!` (an odd number of them) is kept."""
    found: list[str] = []
    while True:
        negated = 0
        while words.accept("!"):
            negated += 1
        found.append("!" * (negated % 2) + words.take().text)
        if not words.accept(","):
            return tuple(found)


def _split(line: str) -> list[Word]:
    words: list[Word] = []
    index = 0
    while index < len(line):
        char = line[index]
        if char in " \t\r":
            index += 1
            continue
        if char in _SIGNS:
            words.append(Word(char, char, False, index, index + 1))
            index += 1
        else:
            word = _word(line, index)
            words.append(word)
            index = word.end
        if len(words) > _MAX_WORDS:
            raise ValueError(f"more than {_MAX_WORDS} words in one line")
    return words


def _word(line: str, start: int) -> Word:
    piece: list[str] = []
    index = start
    quoted = False
    while index < len(line) and line[index] not in " \t\r" and line[index] not in _SIGNS:
        char = line[index]
        if char == "\\":
            if index + 1 >= len(line):
                raise ValueError("a backslash stands at the end")
            piece.append(line[index + 1])
            index += 2
        elif char == '"':
            inside = _QUOTED.match(line, index)
            if inside is None:
                raise ValueError("a quote is not closed")
            piece.append(inside[1].replace('\\"', '"'))
            quoted = True
            index = inside.end()
        else:
            piece.append(char)
            index += 1
    return Word("word", "".join(piece), quoted, start, index)
