"""The command line: one module a verb, no logic. Only here are errors turned into exit codes."""
