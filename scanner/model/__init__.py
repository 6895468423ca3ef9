"""Plain data that every other layer speaks: facts, snapshots, rules, results, controls, errors. No I/O."""
