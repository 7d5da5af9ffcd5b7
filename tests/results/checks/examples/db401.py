import numpy as np
from checked import NETWORK, changed, drawn, rows


def _worse_on_test(noise):
    frame = drawn(noise=0.1, **NETWORK)
    test = (frame["split"] == "test").to_numpy()
    frame["score"] += noise * test * np.random.default_rng(3).normal(size=len(frame))
    return changed(**rows(frame))


def fires():
    return _worse_on_test(6.0)


def silent():
    return _worse_on_test(1.0)
