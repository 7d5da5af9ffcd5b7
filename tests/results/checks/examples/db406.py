from checked import changed, drawn, healthy, rows


def fires():
    return changed(**rows(drawn(score=0.25)))


def silent():
    return healthy()
