"""Assay: collects evidence from Linux devices and images and judges it by declarative rules."""

__version__ = "0.1.0"
