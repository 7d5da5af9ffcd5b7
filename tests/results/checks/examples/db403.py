from checked import CONTROL, changed, drawn, healthy, rows


def fires():
    return changed(**rows(drawn(noise=3.0, seed=1), drawn(noise=3.0, seed=2, **CONTROL)))


def silent():
    return healthy()
