from checked import healthy, small


def fires():
    return small(30)


def silent():
    return healthy()
