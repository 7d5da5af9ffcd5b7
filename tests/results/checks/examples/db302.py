from checked import changed, healthy


def fires():
    return changed(searches=healthy().searches.assign(converged=False))


def silent():
    return healthy()
