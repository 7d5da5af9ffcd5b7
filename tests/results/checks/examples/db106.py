from checked import changed, healthy


def _pair(label):
    images = healthy().images.copy()
    train = images.index[images["split"] == "train"]
    first, second = train[0], next(k for k in train[1:] if (images["y"][k] != images["y"][train[0]]) == label)
    images.loc[second, "content"] = images.loc[first, "content"]
    return changed(images=images)


def fires():
    return _pair(True)


def silent():
    return _pair(False)
