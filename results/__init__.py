"""Predictions in, evidence out: metrics, statistics, tables, figures and the report.

Nothing here fits a model or writes a file: every table and picture is a function of the predictions
(and, for embedding plots, of saved projections), so it can be drawn again at any time.
"""
