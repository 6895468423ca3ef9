"""Checking a bill of materials: is it valid by its schema, has it the fields that the published lists ask for, how good
is it? `check(bom, data)` gives one result; nothing here judges what the document says about the software."""

from scanner.supply_chain.checking.result import (
    Check,
    FieldResult,
    ListResult,
    Missing,
    Problem,
    SchemaResult,
    Statement,
)
from scanner.supply_chain.checking.running import check

__all__ = ["Check", "FieldResult", "ListResult", "Missing", "Problem", "SchemaResult", "Statement", "check"]
