"""What the default target reaches."""

from scanner.parsers.systemd_boot import pulls, reach, triggers
from scanner.parsers.systemd_unit import Unit, parse


def of(text: str) -> Unit:
    return Unit(parse(text))


def test_pulls_and_triggers() -> None:
    unit = of("[Unit]\nWants=a.service\nRequires=b.service\nRequisite=c.service\nAfter=d.service\n")
    assert pulls(unit, "target") == ["a.service", "b.service"]
    assert pulls(unit, "service")[-1] == "sysinit.target"
    assert "sysinit.target" not in pulls(of("[Unit]\nDefaultDependencies=no\n"), "service")
    assert triggers(of(""), "x.socket", "socket") == ["x.service"]
    assert triggers(of("[Socket]\nAccept=yes\n"), "x.socket", "socket") == ["x@.service"]
    assert triggers(of("[Socket]\nService=y.service\n"), "x.socket", "socket") == ["y.service"]
    assert triggers(of("[Timer]\nUnit=z.target\n"), "x.timer", "timer") == ["z.target"]
    assert triggers(of(""), "x.service", "service") == []


def test_reach_follows_demand_through_what_is_started_on_demand() -> None:
    graph = {"default": ["a", "s"], "b": ["c"], "a": ["default"]}
    fires = {"s": ["b"], "c": ["d"], "loose": ["never"]}
    reached = reach("default", lambda name: graph.get(name, []), lambda name: fires.get(name, []))
    assert reached.boot == {"default", "a", "s"}
    assert dict(reached.demand) == {"b": ("s",), "c": ("s",), "d": ("c",)}
