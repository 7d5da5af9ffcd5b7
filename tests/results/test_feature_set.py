from results.feature_set import END_TO_END, FeatureSet


def test_the_title_leaves_out_what_is_usual():
    assert FeatureSet("resnet18", "imagenet").title == "resnet18, imagenet"
    assert FeatureSet("resnet18", "random", "crop20").title == "resnet18, random, crop20"
    assert FeatureSet(END_TO_END, "imagenet").title == "end-to-end"
    assert FeatureSet(END_TO_END, "imagenet", "I").title == "end-to-end, I"


def test_a_row_gives_its_feature_set_and_takes_it_back():
    row = {"model": "LDA", "features": "resnet18", "weights": "007", "preprocess": "none"}
    found = FeatureSet.of(row)
    assert found == ("resnet18", "007", "none")
    assert row | found.columns() == row
