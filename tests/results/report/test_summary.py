import numpy as np
import pandas as pd
import pytest
from predicted import predictions

from results.report.summary import summarise

NONE = pd.DataFrame(columns=["status"])


def both(**more):
    return pd.concat([
        predictions("LDA", **more), predictions("CNN", features="end-to-end", **more)
    ])  # fmt: skip


def said(frame):
    return "\n".join(summarise(frame, NONE, "counts."))


def test_the_sentence_uses_the_operating_point_and_says_what_is_not_provable():
    text = said(both(n=369, quality=2.0))
    # 123 or so valid defects: the exact number depends on the drawing of the split.
    assert "A recall of 99.5% is not provable with" in text and "(598 are needed)" in text
    assert "with 95% confidence, and the threshold for that gives: on the test split" in text
    assert "95% interval" in text and "To find 99.5%" not in text
    enough = said(both(n=2100, quality=2.0))
    assert "A threshold chosen on the valid split finds 99.5% of the defects with 95% confidence" in enough


def test_a_row_that_finds_nothing_is_not_praised():
    frame = both(n=300, quality=2.0)
    y = np.zeros(600, int)
    y[:6] = y[300:306] = 1
    frame["y_true"] = np.tile(y, 2)
    # All defects score the same as the best of very many good images: calling none is most accurate.
    frame["score"] = np.tile(np.where(y == 1, 2.0, np.linspace(0, 2.2, 300)[np.arange(600) % 300]), 2)
    text = said(frame)
    assert "can be recommended" in text and "none of the 6 test defects is found" in text
    assert "This run cannot tell" in text
    assert "Best on" not in text and "Yes:" not in text and "No:" not in text


def test_too_little_data_is_said_in_the_summary():
    frame = both(n=60, quality=3.0)
    test = frame["split"] == "test"
    kept = frame[test].groupby(["model", "y_true"], observed=True).head(1)
    more = frame[test & (frame["y_true"] == 0)].groupby("model", observed=True).head(3)
    text = said(pd.concat([frame[~test], kept, more]).drop_duplicates(["model", "image_id"]))
    assert "3 good images and 1 defect" in text and "too small to compare" in text


@pytest.mark.parametrize("split", ["valid", "test"])
@pytest.mark.parametrize("label", [0, 1])
def test_a_split_without_a_class_is_summarised(split, label):
    frame = both()
    text = said(frame[(frame["split"] != split) | (frame["y_true"] == label)])
    name = "defect" if label == 0 else "good image"
    assert f"no {name} in the {split} split" in text
    assert ("No model can be ranked" in text) == (split == "test")
