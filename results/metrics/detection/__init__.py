"""Measures of detected boxes: mean average precision, and recall of proposals."""
