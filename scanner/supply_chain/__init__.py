"""SBOMs and signatures: what a release is made of, what changed since the last one, and who vouches for it."""
