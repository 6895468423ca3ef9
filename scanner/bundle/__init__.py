"""Evidence bundles: everything a verdict rests on in one signed file that anyone can check and judge again."""
