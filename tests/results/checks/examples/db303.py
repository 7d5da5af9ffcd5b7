from checked import changed, healthy


def _rising(last):
    auc = [0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.85, last]
    return changed(histories=healthy().histories.assign(valid_auc=auc))


def fires():
    return _rising(0.88)


def silent():
    return _rising(0.855)
