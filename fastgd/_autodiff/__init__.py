"""Tensors, the gradients of operations, and the way back through them."""
