"""The classical models, each a pipeline of a StandardScaler and the model."""
