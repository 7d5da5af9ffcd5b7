import numpy as np
from checked import changed, drawn, rows


def _sure(power):
    frame = drawn()
    odds = power * np.log(frame["score"] / (1 - frame["score"]))
    return changed(**rows(frame.assign(score=1 / (1 + np.exp(-(odds + (power - 1) * 3))))))


def fires():
    return _sure(2.0)


def silent():
    return _sure(1.0)
