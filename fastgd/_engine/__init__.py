"""What stands between descriptions and the compiled loops: builds, plans, memory, jobs."""
