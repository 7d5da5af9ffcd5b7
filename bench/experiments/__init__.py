"""Named experiments: one network's tuning, and one factor's values over one model."""
