"""Archives as file trees: tar files, OCI layouts and docker archives. Nothing is ever extracted."""
