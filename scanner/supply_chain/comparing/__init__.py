"""What changed between two bills of materials, and how much of it matters: pure functions over `Bom`.

`matching` pairs the components of both sides, `components`, `graph`, `flaws` and `quality` find the changes,
`materiality` classes them by a policy, `summary` says the result in at most ten lines, `compare` puts it together.
`matrix` compares one base with several releases, `series` follows components through a line of them.
"""
