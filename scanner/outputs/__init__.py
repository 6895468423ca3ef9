"""One file a format, found by walking this package. Each renders the assessment JSON to bytes, as a pure function."""
