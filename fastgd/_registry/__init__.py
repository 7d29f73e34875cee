"""Names, look-up and serialisation of classes and functions."""
