"""Results of verbs as lines for a terminal."""
