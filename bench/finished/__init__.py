"""What loads the fitted models of a finished run."""
