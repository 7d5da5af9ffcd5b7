"""End-to-end networks as scikit-learn estimators, trained by skorch."""
