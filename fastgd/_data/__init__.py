"""What users hand over becomes contiguous arrays."""
