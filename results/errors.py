"""What can be wrong with predictions."""


class PredictionsError(ValueError):
    """Predictions do not follow the schema; the message names the model, the column and the row."""
