from checked import changed, healthy


def _with_copy(split):
    images = healthy().images.copy()
    test = images.index[images["split"] == "test"][0]
    other = images.index[images["split"] == split][-1]
    images.loc[other, ["content", "y", "label"]] = images.loc[test, ["content", "y", "label"]].to_numpy()
    return changed(images=images)


def fires():
    return _with_copy("train")


def silent():
    return _with_copy("test")
