"""Figures of what detectors find."""
