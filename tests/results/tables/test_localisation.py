"""The table of localisation: rows, baselines, intervals, and images that a crop leaves without a region."""

import numpy as np
import pandas as pd
import pytest

from results.metrics import localisation
from results.predictions import ROW_KEY
from results.tables.localisation import localisation_table, over_repeats

HEIGHT, WIDTH = 40, 80


def maps(n=24, *, preprocess="none", window=(0, 0, WIDTH, HEIGHT), peak=(0, 7), labels=("dent", "scratch")):
    """Maps of 4 x 8 cells that peak in one cell (row, column); every second image is defective."""
    heat = np.full((4, 8), -0.5, np.float32)
    heat[peak] = 1
    key = {**dict.fromkeys(ROW_KEY, ""), "model": "Net", "preprocess": preprocess, "split_kind": "stratified"}
    rows = []
    for number in range(n):
        y = number % 2
        corners = dict(zip(("window_x1", "window_y1", "window_x2", "window_y2"), window, strict=True))
        rows.append({
            **key, "repeat": 0, "method": "grad_cam", "image_id": f"i{number}",
            "split": "valid" if number < n // 3 else "test",
            "label": labels[number // 2 % 2] if y else "good",
            "y": y, "group": "", "height": HEIGHT, "width": WIDTH, **corners,
            "map_height": 4, "map_width": 8, "values": heat.ravel().tolist(),
        })  # fmt: skip
    return pd.DataFrame(rows)


def regions(n=24, box=(70, 0, 79, 9), source="box"):
    x1, y1, x2, y2 = box
    pixels = np.zeros((HEIGHT, WIDTH), bool)
    pixels[y1 : y2 + 1, x1 : x2 + 1] = True
    runs = [each for y in range(y1, y2 + 1) for each in (y * WIDTH + x1, x2 + 1 - x1)]
    rows = [{"image_id": f"i{number}", "source": source, "x1": x1, "y1": y1, "x2": x2, "y2": y2,
             "height": HEIGHT, "width": WIDTH, "runs": runs if source == "mask" else []}
            for number in range(1, n, 2)]  # fmt: skip
    return pd.DataFrame(rows)


def test_every_row_has_its_classes_its_baselines_and_intervals():
    table = localisation_table([maps()], regions())
    own = table[table["model"] == "Net"].set_index("label")
    assert list(own.index) == ["all defects", "dent", "scratch"]
    assert own["n"].tolist() == [8, 4, 4] and set(own["good"]) == {8}
    assert (own["pointing_game"] == 1).all() and (own["peak_distance"] == 0).all()
    assert (own["peaks_at_border"] == 1).all(), "the outer 30 pixels"
    assert own["energy_inside"].between(0.5, 1).all() and own["pro_auc"].isna().all()
    for name in localisation.names():
        assert (own[f"{name}_low"] <= own[name] + 1e-9).all() and (
            own[name] <= own[f"{name}_high"] + 1e-9
        ).all()
    guesses = table[table["method"] == "baseline"]
    assert guesses["model"].drop_duplicates().tolist() == [
        "centre point",
        "uniform random point",
        "uniform map",
    ]
    guesses = guesses[guesses["label"] == "all defects"].set_index("model")
    assert guesses.loc["centre point", "pointing_game"] == 0
    assert guesses.loc["uniform random point", "pointing_game"] == pytest.approx(100 / 3200)
    assert guesses.loc["uniform map", "energy_lift"] == pytest.approx(1)
    assert np.isnan(guesses.loc["uniform map", "pointing_game"])
    assert np.isnan(guesses.loc["centre point", "energy_inside"])


def test_a_map_at_the_other_end_misses():
    for peak in ((3, 0), (0, 0), (3, 7)):
        row = localisation_table([maps(peak=peak)], regions()).iloc[0]
        assert row["pointing_game"] == row["energy_inside"] == row["iou"] == 0


def test_a_region_that_a_crop_removes_is_counted():
    cropped = maps(preprocess="crop15", window=(15, 15, 65, 25))
    table = localisation_table([maps(), cropped], regions())
    one = table[(table["preprocess"] == "crop15") & (table["label"] == "all defects")].set_index("model")
    assert one.loc["Net", ["n", "removed", "without_region"]].tolist() == [0, 8, 0]
    assert np.isnan(one.loc["Net", "pointing_game"]) and one.loc["Net", "peaks_at_border"] == 1
    assert set(one.index) == {"Net", "centre point", "uniform random point", "uniform map"}


def test_a_region_that_a_crop_cuts_is_clipped():
    cut = localisation_table([maps(preprocess="crop5", window=(5, 5, 75, 35))], regions())
    row = cut.iloc[0]
    assert row["n"] == 8 and row["pointing_game"] == 1
    assert row["centre_distance"] == pytest.approx(np.hypot(67 - 65.5, 2 - 2), abs=3)


def test_defective_images_without_a_region_are_counted():
    some = regions().iloc[:7]
    row = localisation_table([maps()], some).iloc[0]
    assert row["n"] + row["without_region"] == 8 and row["without_region"] == 5
    assert localisation_table([maps()], some.iloc[:0]).empty
    assert localisation_table([], some).empty


def test_masks_have_the_overlap_of_regions():
    table = localisation_table([maps()], regions(source="mask"))
    own = table[table["label"] == "all defects"].set_index("model")
    net = own.loc["Net"]
    assert 0.5 < net["pro_auc"] <= 1
    assert net["pro_auc_low"] <= net["pro_auc"] + 0.02 and net["pro_auc"] - 0.02 <= net["pro_auc_high"] <= 1
    assert own.loc["uniform map", "pro_auc"] == pytest.approx(0.15)
    assert np.isnan(own.loc["centre point", "pro_auc"])


def test_maps_without_positive_evidence_are_counted():
    cold = maps()
    cold["values"] = [[-1.0] * 32] * len(cold)
    row = localisation_table([cold], regions()).iloc[0]
    assert row["without_evidence"] == 8 and row["energy_inside"] == 0


def test_groups_widen_the_intervals():
    mixed = maps(n=120, labels=("dent", "dent"))
    flat = np.full(32, -0.5)
    flat[24] = 1
    mixed["values"] = [flat.tolist() if n // 20 % 2 else v for n, v in enumerate(mixed["values"])]
    plain = localisation_table([mixed], regions(120)).iloc[0]
    grouped = localisation_table(
        [mixed.assign(group=[f"g{n // 20}" for n in range(120)])], regions(120)
    ).iloc[0]
    assert 0 < plain["pointing_game"] < 1
    widths = [row["pointing_game_high"] - row["pointing_game_low"] for row in (plain, grouped)]
    assert widths[1] > 1.5 * widths[0]


def test_the_mean_over_repeated_splits_is_of_all_defects_of_each_model():
    one = localisation_table([maps()], regions())
    # Energy in the box differs by 0.2 between the splits.
    other = one.assign(repeat=1, energy_inside=one["energy_inside"] - 0.2)
    found = over_repeats(pd.concat([one, other, one.assign(model="Other")]))
    assert found["model"].tolist() == ["Net"] and found["repeats"].tolist() == [2]
    first = one["energy_inside"].iloc[0]
    assert found["energy_inside"].iloc[0] == pytest.approx(first - 0.1)
    assert found["energy_inside_deviation"].iloc[0] == pytest.approx(0.2 / 2**0.5)
    assert over_repeats(one).empty and over_repeats(pd.DataFrame()).empty
