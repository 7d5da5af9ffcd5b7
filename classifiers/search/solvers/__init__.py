"""Numerical solvers that the paths share."""
