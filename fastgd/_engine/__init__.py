"""Connect descriptions with the compiled loops: builds, plans, memory, threads."""
