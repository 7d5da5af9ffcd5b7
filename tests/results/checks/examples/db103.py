import numpy as np
from checked import changed, healthy

STRUCTURE = {"near_share": 0.0, "group": "parent", "auc_parted": 0.81, "auc_whole": 0.72}


def fires():
    board = healthy().leaderboard.copy()
    board["roc_auc"] -= 0.05
    return changed(structure=STRUCTURE, beside={"parts-group": board})


def silent():
    images = healthy().images
    # Groups that lie in one split each.
    place = images.groupby("split").cumcount() // 20
    return changed(images=images.assign(group=images["split"].astype(str) + np.char.mod("%d", place)))
