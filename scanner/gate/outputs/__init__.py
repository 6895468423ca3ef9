"""Formats of a gate result. Each module renders the document of the schema `assay/gate/v1`, as a pure function."""
