"""The one training loop, and its progress."""
