"""File systems as file trees. One module a family, found by walking this package: `FILESYSTEM` says what it reads."""
