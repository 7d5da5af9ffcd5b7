"""What executes the jobs of a run."""
