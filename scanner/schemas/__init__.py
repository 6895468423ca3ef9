"""Published JSON schemas, versioned and additive."""
