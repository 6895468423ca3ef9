"""Judging facts by rules: loading content, evaluating clauses, explaining the verdict. No I/O of its own."""
