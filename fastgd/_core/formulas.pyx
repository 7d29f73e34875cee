"""Define the codes of activations, losses and metrics (see formulas.pxd)."""
