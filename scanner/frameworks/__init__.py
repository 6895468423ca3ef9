"""Frameworks and profiles: catalogs, mappings, fit to a target, control roll-up, the matrix, the assessment."""
