"""The only code that touches the inspected system."""
