"""Check what users pass in, and turn it into contiguous arrays."""
