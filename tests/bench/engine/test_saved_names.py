import unicodedata

import pandas as pd

from bench.engine.prepare import named_as_saved
from features.datasets import ImageDataset

ONE, TWO = (unicodedata.normalize(form, "Kratzer für.png") for form in ("NFC", "NFD"))


def dataset(*ids):
    paths = [f"/x/{number}.png" for number in range(len(ids))]
    table = pd.DataFrame({"image_id": list(ids), "path": paths, "label": "good"})
    return ImageDataset("folder", table, ("good", "bad"), ("bad",))


def ids_of(found):
    return found.table["image_id"].tolist()


def test_an_accent_spelled_in_another_way_is_the_same_image():
    assert ids_of(named_as_saved(dataset(TWO, "b.png"), [ONE, "b.png"])) == [ONE, "b.png"]
    assert ids_of(named_as_saved(dataset(ONE), [TWO])) == [TWO]


def test_two_images_that_differ_in_spelling_only_stay_two():
    assert ids_of(named_as_saved(dataset(ONE, TWO), [ONE])) == [ONE, TWO]
    assert ids_of(named_as_saved(dataset(TWO), [ONE, TWO])) == [TWO]


def test_unknown_names_stay_as_they_are():
    found = dataset("new.png")
    assert named_as_saved(found, ["old.png"]) is found
