"""A seeded fuzzer of model files and of the public API: ``python tests/fuzz --help``."""
