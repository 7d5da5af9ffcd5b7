from checked import healthy, small


def fires():
    return small(40, noise=20.0)


def silent():
    return healthy()
