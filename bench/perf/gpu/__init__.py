"""What to look at first on a machine with a CUDA GPU."""
