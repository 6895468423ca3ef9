"""The gate: compares two assessments, decides whether a release may go out, and says why."""
