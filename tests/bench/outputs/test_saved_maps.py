"""Saved heat maps and the table of localisation, read back from a run's folder."""

import json

import numpy as np
import pandas as pd
import pytest
from looked import maps_of, regions_of
from predicted import predictions

from bench.outputs.localisation import read_localisation
from bench.run_folder import Outcome, RunFolder
from results.leaderboard import leaderboard
from results.report.gallery import NAMED, mapped_models
from results.status import Status
from results.tables.formats import to_csv
from results.tables.localisation import localisation_table


@pytest.fixture
def two_files(tmp_path):
    """A run whose two networks differ only in the file of their weights, both called `own`."""
    folder = RunFolder(tmp_path / "run")
    (folder.path / "predictions").mkdir(parents=True)
    folder.maps.mkdir()
    (folder.path / "jobs.json").write_text(json.dumps([{"id": "train-a"}, {"id": "train-b"}]))
    for job, quality, sha in (("train-a", 0.5, "a" * 64), ("train-b", 3.0, "b" * 64)):
        frame = predictions("Net", "end-to-end", "own", quality=quality, weights_sha256=sha)
        frame.to_parquet(folder.predictions_path(job))
        maps_of(frame).to_parquet(folder.maps_path(job, "grad_cam"))
        folder.write_outcome(job, Outcome(Status.OK))
    frame[["image_id", "split"]].to_parquet(folder.split)
    return folder


def test_maps_belong_to_the_row_of_their_own_weights(two_files):
    predicted = two_files.predictions()
    models = mapped_models(two_files.saved_maps(NAMED), predicted)
    assert [model.name for model in models] == ["Net · own (bbbbbbbb)", "Net · own (aaaaaaaa)"]
    assert models[0].valid_auc > 0.9 > models[1].valid_auc
    # The leaderboard finds the figures of its rows under the same names.
    regions = regions_of(predicted.drop_duplicates("image_id"))
    board = leaderboard(predicted, None, localisation_table(two_files.saved_maps(), regions))
    assert board["energy_inside"].notna().all()


def test_a_measure_that_no_row_has_stays_a_missing_number(tmp_path):
    """A crop removes every box: the table has blank columns, and the leaderboard takes it once more."""
    frame = predictions("Net", "end-to-end")
    maps = maps_of(frame, window=(40, 30, 80, 60))
    table = localisation_table([maps], regions_of(frame))
    assert table["pointing_game"].isna().all()
    (tmp_path / "localisation.csv").write_text(to_csv(table))
    again = read_localisation(tmp_path / "localisation.csv")
    assert again["pointing_game"].isna().all() and again["features"].eq("").any()
    pd.testing.assert_frame_equal(again[table.columns], table, check_dtype=False, rtol=1e-5)
    assert np.isnan(leaderboard(frame, None, again).loc[0, "pointing_game"])
    assert read_localisation(tmp_path / "none.csv").empty
