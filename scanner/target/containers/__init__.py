"""Disk containers as block devices. One module a family, found by walking this package."""
