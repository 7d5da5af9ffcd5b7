import numpy as np
from checked import changed, healthy


def _brightness(of_defects):
    images = healthy().images
    noise = np.random.default_rng(99).normal(size=len(images))
    return changed(images=images.assign(brightness=120 + 10 * noise + of_defects * images["y"]))


def fires():
    return _brightness(12.0)


def silent():
    return _brightness(4.0)
