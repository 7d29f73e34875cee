"""How each side does a workload, one side a file; what is not NumPy is imported when called."""
