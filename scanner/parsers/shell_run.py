"""Follows every path of a shell script through an imagined world, without running anything.

A `World` answers what files hold and what programs say. What it does not know is open: a program may then succeed or
fail and print anything, and both paths are followed. The result is the set of exit statuses that the script can end
with. What cannot be followed soundly (eval, sourced files, too many paths) is `UndecidedError`, never a guess.
Source of the meaning: POSIX shell command language (XCU 2), bash(1) on `set -e`, pipelines and assignments.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from scanner.parsers import shell_tree as tree
from scanner.parsers.shell_commands import Commands
from scanner.parsers.shell_effort import spend
from scanner.parsers.shell_paths import MAX_ROUNDS, Path, State, World, either, joined, merged, within
from scanner.parsers.shell_values import Text, UndecidedError, compare, glob_match

__all__ = ["endings"]

_MAX_STEPS = 3_000


def endings(script: tree.Sequence, world: World, *, errexit: bool = False) -> set[int]:
    """The exit statuses that the script can end with. Raises UndecidedError."""
    runner = _Runner(world)
    return {path.state.status & 0xFF for path in runner.run(script, State(errexit=errexit), None, False)}


class _Runner(Commands):
    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.steps = 0

    # ---- structure -------------------------------------------------------------------------------------------------

    def run(self, node: tree.Command, state: State, stdin: Text, tested: bool) -> list[Path]:
        """Every way the command can end. `tested`: its status is looked at, so `set -e` does not count."""
        self.steps += 1
        spend(1 + len(state.names) // 16)
        if self.steps > _MAX_STEPS:
            raise UndecidedError("the script takes too many steps")
        match node:
            case tree.Sequence():
                return self._sequence(node, state, stdin, tested)
            case tree.AndOr():
                return self._and_or(node, state, stdin, tested)
            case tree.Pipe():
                return self._pipe(node, state, stdin, tested)
            case tree.Simple():
                return self._simple(node, state, stdin, tested)
            case tree.If():
                return self._if(node, state, stdin, tested)
            case tree.Loop() | tree.For():
                self.loops += 1
                if isinstance(node, tree.Loop):
                    paths = self._loop(node, state, stdin, tested)
                else:
                    paths = self._for(node, state, stdin, tested)
                self.loops -= 1
                return paths
            case tree.Case():
                return self._case(node, state, stdin, tested)
            case tree.Group():
                return self._group(node, state, stdin, tested)
            case tree.Function():
                rest = tuple(pair for pair in state.functions if pair[0] != node.name)
                return [Path(replace(state, functions=(*rest, (node.name, self.number(node.body))), status=0))]
            case tree.Compare():
                return self._compare(node, state)
            case tree.Arithmetic():
                return self._arithmetic(node.text, state)

    def _sequence(self, node: tree.Sequence, state: State, stdin: Text, tested: bool) -> list[Path]:
        paths = [Path(state)]
        for command, background in node.items:
            found: list[Path] = []
            for path in paths:
                if path.flow:
                    found.append(path)
                    continue
                if background:
                    found.append(replace(path, state=path.state.ended(0)))
                    continue
                for then in self.run(command, path.state, stdin, tested):
                    fails = then.state.errexit and then.state.status != 0 and not (tested or then.exempt or then.flow)
                    flow = "exit" if fails else then.flow
                    found.append(Path(then.state, joined(path.out, then.out), flow, then.exempt))
            paths = merged(found)
        return paths

    def _and_or(self, node: tree.AndOr, state: State, stdin: Text, tested: bool) -> list[Path]:
        paths = self.run(node.first, state, stdin, True)
        paths = [replace(path, exempt=True) for path in paths]
        for index, (sign, command) in enumerate(node.rest):
            last = index == len(node.rest) - 1
            found: list[Path] = []
            for path in paths:
                if path.flow or (path.state.status == 0) != (sign == "&&"):
                    found.append(path)
                    continue
                for then in self.run(command, path.state, stdin, tested or not last):
                    found.append(Path(then.state, joined(path.out, then.out), then.flow, then.exempt or not last))
            paths = merged(found)
        return paths

    def _pipe(self, node: tree.Pipe, state: State, stdin: Text, tested: bool) -> list[Path]:
        flows: list[tuple[Text, int]] = [(stdin, 0)]
        alone = len(node.commands) == 1
        done: list[Path] = []
        for command in node.commands:
            found: list[tuple[Text, int]] = []
            for text, worst in flows:
                run = self.run if alone else self.apart
                for path in run(command, state, text, tested or node.negated):
                    if alone:
                        done.append(path)
                    else:
                        found.append((path.out, path.state.status or (worst if state.pipefail else 0)))
            flows = list(dict.fromkeys(found))
            within(flows)
        if alone:
            return [_negated(path) if node.negated and path.flow not in ("exit", "return") else path for path in done]
        ends = [Path(state.ended(status), out) for out, status in flows]
        return merged([_negated(path) for path in ends] if node.negated else ends)

    def _if(self, node: tree.If, state: State, stdin: Text, tested: bool) -> list[Path]:
        done: list[Path] = []
        waiting = [Path(state)]
        for condition, body in node.branches:
            other: list[Path] = []
            for path in waiting:
                for asked in self.run(condition, path.state, stdin, True):
                    asked = replace(asked, out=joined(path.out, asked.out))
                    if asked.flow:
                        done.append(asked)
                    elif asked.state.status == 0:
                        done.extend(self._after(asked, body, stdin, tested))
                    else:
                        other.append(asked)
            waiting = merged(other)
        for path in waiting:
            if node.otherwise is None:
                done.append(Path(path.state.ended(0), path.out))
            else:
                done.extend(self._after(path, node.otherwise, stdin, tested))
        return merged(done)

    def _after(self, path: Path, body: tree.Command, stdin: Text, tested: bool) -> Iterator[Path]:
        for then in self.run(body, path.state.ended(0), stdin, tested):
            yield replace(then, out=joined(path.out, then.out))

    def _loop(self, node: tree.Loop, state: State, stdin: Text, tested: bool) -> list[Path]:
        done: list[Path] = []
        # The status of a loop is that of the last command of its body.
        heads = [state.ended(0)]
        seen: set[State] = set()
        for _ in range(MAX_ROUNDS):
            following: list[Path] = []
            for head in heads:
                seen.add(head)
                for asked in self.run(node.condition, head, stdin, True):
                    if asked.flow:
                        done.append(asked)
                    elif (asked.state.status == 0) == node.until:
                        done.append(Path(asked.state.ended(head.status), None))
                    else:
                        following.extend(self.run(node.body, asked.state, stdin, tested))
            heads = self._next_round(following, seen, done)
            if not heads:
                return merged(done)
        raise UndecidedError("a loop that goes round too often")

    def _next_round(self, paths: list[Path], seen: set[State], done: list[Path]) -> list[State]:
        """States in which a loop begins again, states seen before left out: from there nothing new can come."""
        heads: dict[State, None] = {}
        for path in paths:
            flow, _, levels = path.flow.partition(" ")
            if flow in ("break", "continue") and levels not in ("", "1"):
                done.append(replace(path, flow=f"{flow} {int(levels) - 1}", out=None))
            elif flow == "break":
                done.append(Path(path.state, None))
            elif flow in ("", "continue"):
                if path.state not in seen:
                    heads[path.state] = None
            else:
                done.append(path)
        within(heads)
        return list(heads)

    def _for(self, node: tree.For, state: State, stdin: Text, tested: bool) -> list[Path]:
        done: list[Path] = []
        for fields, _ in self._fields(node.words, state, stdin) if node.words is not None else [((None,), 0)]:
            if None in fields or len(fields) > MAX_ROUNDS:
                done.extend(self._for_any(node, state, stdin, tested))
                continue
            heads = [state.ended(0)]
            for field in fields:
                following: list[Path] = []
                for head in heads:
                    following.extend(self.run(node.body, head.put(node.name, field), stdin, tested))
                heads = self._next_round(following, set(), done)
            done.extend(Path(head, None) for head in heads)
        return merged(done)

    def _for_any(self, node: tree.For, state: State, stdin: Text, tested: bool) -> list[Path]:
        """A loop over things that are not known: none, or any number of them."""
        done: list[Path] = []
        heads = [state.ended(0)]
        seen: set[State] = set()
        for _ in range(MAX_ROUNDS):
            following: list[Path] = []
            for head in heads:
                seen.add(head)
                done.append(Path(head, None))
                body_state = head.put(node.name, None) if node.name else replace(head, open=True)
                following.extend(self.run(node.body, body_state, stdin, tested))
            heads = self._next_round(following, seen, done)
            if not heads:
                return merged(done)
        raise UndecidedError("a loop that goes round too often")

    def _case(self, node: tree.Case, state: State, stdin: Text, tested: bool) -> list[Path]:
        if node.falls:
            raise UndecidedError("a case that falls through")
        done: list[Path] = []
        for value, _ in self._texts(node.word, state, stdin):
            for patterns, body in node.branches:
                answers = [self._matches(value, pattern, state, stdin) for pattern in patterns]
                if True in answers or None in answers:
                    done.extend(self.run(body, state.ended(0), stdin, tested))
                if True in answers:
                    break
            else:
                done.append(Path(state.ended(0)))
        return merged(done)

    def _matches(self, value: Text, pattern: tree.Word, state: State, stdin: Text) -> bool | None:
        answers = {glob_match(value, text) for text in self._patterns(pattern, state, stdin, "*?[")}
        return answers.pop() if len(answers) == 1 else None

    def _group(self, node: tree.Group, state: State, stdin: Text, tested: bool) -> list[Path]:
        done: list[Path] = []
        for text, silent, missing in self._redirected(node.redirects, state, stdin):
            if missing:
                done.append(Path(state.ended(1)))
                continue
            run = self.apart if node.subshell else self.run
            for path in run(node.body, state, text, tested):
                out = "" if silent else path.out
                if node.subshell:
                    done.append(Path(state.ended(path.state.status), out))
                else:
                    done.append(replace(path, out=out))
        return merged(done)

    def _compare(self, node: tree.Compare, state: State) -> list[Path]:
        found: list[list[Text]] = [[]]
        for word in node.words:
            texts: list[Text]
            previous = found[0][-1] if found[0] else None
            if previous in ("==", "=", "!="):
                texts = self._patterns(word, state, None, "*?[")
            elif previous == "=~":
                texts = self._patterns(word, state, None, "\\.[]()*+?{}|^$")
            else:
                texts = [text for text, _ in self._texts(word, state, None)]
            found = [[*words, text] for words in found for text in dict.fromkeys(texts)]
            within(found)
        done: list[Path] = []
        for words in found:
            done.extend(either(state, compare(words, self.world.file, self.world.installed, extended=True)))
        return merged(done)


def _negated(path: Path) -> Path:
    return Path(path.state.ended(0 if path.state.status else 1), path.out, path.flow, True)
