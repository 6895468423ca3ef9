"""One file a subject, found by walking this package. A module with `COLLECTOR` is a collector; there is no list."""
