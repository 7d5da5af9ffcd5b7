from checked import changed, healthy


def _best_at_the_end(score):
    cells = healthy().searches
    return changed(searches=cells.assign(chosen=[False, False, True], score=[0.9, 0.93, score]))


def fires():
    return _best_at_the_end(0.94)


def silent():
    return _best_at_the_end(0.9305)
