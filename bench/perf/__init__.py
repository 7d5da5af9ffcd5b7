"""Measurements of speed: each way in turn, in one run, as ratios to the plain way."""
