from checked import small


def fires():
    return small(60, noise=4.0)


def silent():
    return small(400, noise=4.0)
