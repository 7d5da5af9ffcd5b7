"""A run in which every check is silent, to change one thing of."""

from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
from predicted import predictions

from results.blend import MODEL
from results.checks import RunData
from results.predictions import rows_of
from results.statistics import auc_interval
from results.status import Status

#: Images of each split; almost half of them show a defect.
N = 1350
KEYS = {"split_kind": "stratified", "preprocess": "none", "sampling": "all", "repeat": 0}
LR = {"model": "LR", "features": "resnet18", "weights": "imagenet", **KEYS}
CONTROL = {**LR, "weights": "random"}
NETWORK = {"model": "CNN", "features": "end-to-end", "weights": "imagenet", **KEYS}


def drawn(n=N, noise=0.0, seed=0, **fixed):
    """Predictions of n valid and n test images whose probabilities are true; noise hides the label."""
    rng = np.random.default_rng(0)
    odds = 5 * rng.normal(size=2 * n) - 0.5
    probability = 1 / (1 + np.exp(-odds))
    y = (rng.random(2 * n) < probability).astype(int)
    score = probability
    if noise:
        score = odds + noise * np.random.default_rng([seed, 1]).normal(size=2 * n)
        fixed = {"score_kind": "decision", **fixed}
    frame = {"y_true": y, "label": np.where(y, "bad", "good"), "score": score, "score_kind": "probability"}
    return predictions(n=n, **{**LR, **frame, **fixed})


def rows(*frames):
    """Predictions of several models and the columns of their leaderboard that checks read."""
    frame = pd.concat(frames, ignore_index=True)
    board = [
        {**row.key, "status": Status.OK, "best": True, **_auc(*row.part("test"))} for row in rows_of(frame)
    ]
    board.append({**board[0], "model": MODEL})
    return {"predictions": frame, "leaderboard": pd.DataFrame(board)}


def _auc(y, score):
    try:
        low, high = auc_interval(y, score)
    except ValueError:
        low = high = np.nan
    return {"roc_auc": (low + high) / 2, "roc_auc_low": low, "roc_auc_high": high}


def images_for(frame):
    """The images of predictions, and as many for training, with properties that say nothing."""
    scored = frame.drop_duplicates("image_id")[["image_id", "label", "y_true", "split"]]
    train = scored[scored["split"] == "test"].assign(split="train")
    train["image_id"] = "t" + train["image_id"]
    images = pd.concat([scored, train], ignore_index=True).rename(columns={"y_true": "y"})
    rng = np.random.default_rng(1)
    count = len(images)
    return images.assign(
        path="parts/" + images["label"].astype(str) + "/" + images["image_id"] + ".png",
        content=[f"c{number}" for number in range(count)],
        height=64,
        width=64,
        channels=1,
        brightness=rng.normal(120, 10, count),
        contrast=rng.normal(30, 3, count),
        bytes=rng.integers(4000, 5000, count),
        modified=rng.permutation(count).astype(float),
        taken=np.nan,
    )


@cache
def healthy():
    """Return a run in which every check is silent."""
    frames = [drawn(), drawn(noise=9.0, seed=1, **CONTROL), drawn(noise=1.0, seed=2, **NETWORK)]
    fields = rows(*frames)
    images = images_for(fields["predictions"])
    params = [{"C": value} for value in (0.01, 0.1, 1.0)]
    scores = [0.90, 0.95, 0.93]
    columns = {"params": params, "score": scores, "chosen": [False, True, False], "converged": True}
    auc = [0.6, 0.7, 0.8, 0.85, 0.88, 0.9, 0.9, 0.9]
    epochs = pd.DataFrame({"epoch": np.arange(1, 9), "valid_auc": auc})
    audit = images[["image_id"]].assign(label=images["y"], suspicion=0.1, issue=False)
    return RunData(
        **fields,
        images=images,
        structure={"near_share": 0.01, "group": None, "auc_parted": None, "auc_whole": None},
        searches=pd.DataFrame(columns).assign(**LR),
        histories=epochs.assign(**NETWORK),
        embeddings=facts(),
        audit=audit,
    )


def facts(**changes):
    """Facts of one healthy set of embeddings, with changes."""
    names = {"features": "resnet18", "weights": "imagenet", "preprocess": "none"}
    sound = {"images": 4050, "dimensions": 512, "not_finite": 0, "different": 4050, "constant": 3,
             "saturated": 0, "near_share": 0.01}  # fmt: skip
    return pd.DataFrame([{**names, **sound, **changes}])


def changed(**fields):
    """Return the healthy run with other fields."""
    return replace(healthy(), **fields)


def small(n, noise=0.0, **fixed):
    """Return a run of one row on n valid and n test images."""
    frame = drawn(n, noise, **fixed)
    return changed(**rows(frame), images=images_for(frame))
