"""Heat maps of a run's models: made, saved, and drawn."""
