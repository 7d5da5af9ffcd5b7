"""The data of the gallery of heat maps, and the table of localisation beside it."""

import base64
import json
import re

import numpy as np
import pandas as pd
import pytest
from looked import HEIGHT, WIDTH, gallery_of_maps, looked_page, maps_of, regions_of
from predicted import predictions

from results.leaderboard import OUTCOMES, outcomes_of
from results.metrics import localisation
from results.predictions import rows_of
from results.report import Explorer, Provenance, render_page
from results.report.gallery import MOST_BOXES, MOST_CELLS, choose_images, map_values, mapped_models
from results.report.locations import localisation_html
from results.tables.localisation import PRO, localisation_table


def values_of(frame, maps, ids=None):
    (model,) = mapped_models([maps], frame)
    return map_values(maps, model, choose_images([model]) if ids is None else ids)


def decoded(values):
    """The maps as the page draws them, array of shape (n, rows, columns)."""
    levels = np.frombuffer(base64.b64decode(values["heat"]), np.int8).astype(float) / 127
    peaks = np.array(values["peak"])[:, None, None]
    return levels.reshape(-1, values["rows"], values["columns"]) * peaks


def test_maps_come_back_within_one_level():
    frame = predictions("CNN", "end-to-end")
    maps = maps_of(frame)
    rng = np.random.default_rng(0)
    maps["values"] = [
        rng.normal(0, 10.0 ** rng.integers(-6, 6), 12).astype(np.float32) for _ in range(len(maps))
    ]
    values = values_of(frame, maps)
    ids = choose_images(mapped_models([maps], frame))
    found = decoded(values)
    assert len(found) == len(ids) == (frame["split"] == "test").sum()
    for place, each in zip(values["at"], found, strict=True):
        saved = maps.set_index("image_id").loc[ids[place], "values"].reshape(3, 4)
        assert np.abs(saved - each).max() <= np.abs(saved).max() * (0.5 / 127 + 1e-3)


def test_each_image_has_its_score_its_outcome_and_its_window():
    frame = predictions("CNN", "end-to-end", quality=1.0)
    (row,) = rows_of(frame)
    said = outcomes_of(row).set_index("image_id")
    values = values_of(frame, maps_of(frame, window=(8, 6, 72, 54)))
    ids = choose_images(mapped_models([maps_of(frame)], frame))
    assert {OUTCOMES[code] for code in values["outcome"]} == set(OUTCOMES)
    for place, score, code in zip(values["at"], values["score"], values["outcome"], strict=True):
        assert said.loc[ids[place], "score"] == pytest.approx(score, rel=1e-3)
        assert said.loc[ids[place], "outcome"] == OUTCOMES[code]
    assert values["windows"] == [[0.1, 0.1, 0.9, 0.9]] and set(values["window"]) == {0}
    counts = np.sum(list(values["totals"].values()), axis=0)
    assert counts.tolist() == [(said["outcome"] == outcome).sum() for outcome in OUTCOMES]


def test_fine_maps_are_averaged_and_odd_values_are_blank():
    frame = predictions("CNN", "end-to-end", n=10)
    heat = np.arange(50 * 70, dtype=float).reshape(50, 70)
    values = values_of(frame, maps_of(frame, heat=heat))
    assert (values["rows"], values["columns"]) == (MOST_CELLS, MOST_CELLS)
    found = decoded(values)[0]
    assert (np.diff(found, axis=0) > 0).all() and (np.diff(found, axis=1) >= 0).all()
    odd = values_of(frame, maps_of(frame, heat=np.array([[np.nan, np.inf], [-np.inf, 2.0]])))
    assert decoded(odd)[0].tolist() == [[0, 0], [0, 2]]
    blank = values_of(frame, maps_of(frame, heat=np.zeros((2, 2))))
    assert not decoded(blank).any() and blank["peak"][0] == 0


def test_the_first_images_hold_every_outcome_of_every_model_and_every_class():
    frames = [
        predictions(name, "end-to-end", n=90, quality=1.0, seed=seed) for name, seed in (("A", 0), ("B", 1))
    ]
    frames[1] = frames[1].assign(y_true=frames[0]["y_true"].to_numpy())
    rare = frames[0].index[(frames[0]["split"] == "test") & (frames[0]["y_true"] == 1)][0]
    for frame in frames:
        label = np.where(frame["y_true"] == 1, "scratch", "good")
        label[rare] = "crack"
        frame["label"] = label
    predicted = pd.concat(frames, ignore_index=True)
    models = mapped_models([maps_of(frame) for frame in frames], predicted)
    ids = choose_images(models)
    assert sorted(ids) == sorted(frames[0].loc[frames[0]["split"] == "test", "image_id"])
    for model in models:
        first = model.outcomes[model.outcomes["image_id"].isin(ids[:16])]
        assert set(first["outcome"]) == set(OUTCOMES) and set(first["label"]) == {"crack", "scratch", "good"}
    assert choose_images(models) == ids


def test_models_are_in_the_order_of_the_valid_split_and_named_apart():
    frames = [
        predictions("CNN", "end-to-end", "random", quality=0.2),
        predictions("CNN", "end-to-end", "imagenet", quality=3.0),
        predictions("CNN", "end-to-end", "random", quality=1.0, preprocess="crop10"),
    ]
    maps = [maps_of(frame) for frame in frames] + [maps_of(frames[1], method="layer_cam")]
    gone = maps_of(predictions("Gone", "end-to-end"))
    models = mapped_models([*maps, gone, gone.iloc[:0]], pd.concat(frames, ignore_index=True))
    assert [model.valid_auc for model in models] == sorted((m.valid_auc for m in models), reverse=True)
    names = [(model.name, model.method) for model in models]
    assert len(set(names)) == 4 and ("CNN · imagenet", "grad_cam") in names
    assert ("CNN · crop10", "grad_cam") in names and not any("Gone" in name for name, _ in names)
    assert mapped_models([], frames[0]) == []


def test_boxes_are_shares_of_the_image_with_their_last_pixel_inside():
    frame = predictions("CNN", "end-to-end", n=10)
    gallery = gallery_of_maps(frame, [maps_of(frame)], regions_of(frame, (8, 6, WIDTH - 1, HEIGHT - 1)))
    payload = gallery.payload()
    for place, boxes in enumerate(payload["boxes"]):
        good = payload["classes"][payload["label"][place]] == "good"
        assert boxes == ([] if good else [[0.1, 0.1, 1, 1]])
    json.dumps(payload, allow_nan=False)


def test_of_many_components_of_a_mask_the_largest_are_drawn():
    frame = predictions("CNN", "end-to-end", n=10)
    few = [regions_of(frame, (0, 0, size, 0)) for size in range(60)]
    gallery = gallery_of_maps(frame, [maps_of(frame)], pd.concat(few, ignore_index=True))
    boxes = [each for each in gallery.payload()["boxes"] if each]
    assert all(len(each) == MOST_BOXES and each[0][2] == 0.75 for each in boxes) and boxes
    assert f"more than {MOST_BOXES} boxes" in gallery.note


def test_the_note_says_when_only_a_part_is_shown():
    frame = predictions("CNN", "end-to-end")
    maps, regions = [maps_of(frame)], regions_of(frame)
    assert gallery_of_maps(frame, maps, regions).note == (
        "Heat maps of 1 model on 60 test images: all test images that have maps."
    )
    part = gallery_of_maps(frame, maps, regions.iloc[:0], most=16, sprites=False).note
    for words in ("16 of the 60 test images", "neither boxes nor masks", "no longer where they were"):
        assert words in part
    assert "dashed frame" in gallery_of_maps(frame, [maps_of(frame, window=(1, 0, 9, 9))], regions).note


def test_every_metric_and_every_column_of_the_table_has_a_sentence():
    for name in localisation.names():
        assert localisation.get_metric(name).meaning.endswith("."), name
    frame = predictions("CNN", "end-to-end")
    regions = regions_of(frame)
    table = localisation_table([maps_of(frame)], regions)
    page = localisation_html(table)
    headings = re.findall(r"<th>(.*?)</th>", page.split("</table>")[0])
    sentences = dict(re.findall(r"<dt>(.*?)</dt><dd>(.*?)</dd>", page))
    assert headings == [*sentences][: len(headings)]
    assert all(sentences[heading].endswith(".") for heading in headings)
    assert {"Centre point", "Uniform random point", "Uniform map"} <= set(sentences)
    for metric in map(localisation.get_metric, localisation.names()):
        assert metric.title in headings
    assert "Per-region overlap" not in headings, "there are no masks"
    assert "Per-region overlap" in localisation_html(table.assign(**{PRO: 0.5}))
    assert "Removed" in headings and "Split" not in headings
    value = table.iloc[0]["energy_inside"]
    assert f"<td>{100 * value:.1f}% [" in page
    assert page.count("baseline") >= 3


def test_names_of_the_table_are_never_html():
    frame = predictions("<b>CNN</b>", "end-to-end")
    page = localisation_html(localisation_table([maps_of(frame)], regions_of(frame)))
    assert "<b>CNN" not in page and "&lt;b&gt;CNN" in page
    assert localisation_html(pd.DataFrame()) == ""


def test_a_page_without_maps_has_no_section():
    frame = predictions("LR")
    truth = frame.drop_duplicates("image_id").rename(columns={"y_true": "y"})
    page = render_page(frame, pd.DataFrame(), Explorer(truth, pd.DataFrame()), Provenance("t", "c"))
    assert 'id="looks"' not in page and "#looks" not in page.split("<style>")[0] + page.split("</style>")[1]
    looked = looked_page(n=12)
    assert 'id="looks"' in looked and 'href="#looks"' in looked
    assert "<b>.png" not in looked and "long name <i>" not in looked
