from checked import healthy, small


def fires():
    return small(900)


def silent():
    return healthy()
