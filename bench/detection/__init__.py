"""Detectors in a run: the boxes that they learn and find."""
