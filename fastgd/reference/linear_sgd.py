"""Per-sample gradient descent (see linear_sgd.pxi)."""
