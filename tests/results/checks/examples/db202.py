from checked import healthy, small


def fires():
    return small(400)


def silent():
    return healthy()
