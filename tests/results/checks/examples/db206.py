import numpy as np
from checked import changed, healthy


def _rare(count):
    images = healthy().images
    tested = (images["y"] == 1) & (images["split"] == "test")
    rare = tested & (tested.cumsum() <= count)
    return changed(images=images.assign(label=np.where(rare, "scratch", images["label"])))


def fires():
    return _rare(9)


def silent():
    return _rare(10)
