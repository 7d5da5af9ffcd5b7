"""Search for the cells of a DARTS network: supernet, bilevel steps, estimator."""
