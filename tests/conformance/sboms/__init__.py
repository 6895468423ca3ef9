"""Real SBOMs of public repositories, which stay outside this one."""
