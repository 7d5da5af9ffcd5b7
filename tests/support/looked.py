"""Heat maps made for tests, and report pages that show them."""

from unittest import mock

import numpy as np
import pandas as pd
from paged import jpeg
from predicted import predictions

from results.predictions import ROW_KEY
from results.report import Explorer, Gallery, Provenance, Sprites, build_page
from results.report.gallery import choose_images, map_values, mapped_models
from results.tables.localisation import localisation_table

HEIGHT, WIDTH = 60, 80
NO_PLOTS = """const Plotly = { restyle() {}, react: (id) => Promise.resolve(document.getElementById(id)) };
HTMLElement.prototype.on = () => {};"""


def maps_of(frame, *, method="grad_cam", cells=(3, 4), window=(0, 0, WIDTH, HEIGHT), heat=None):
    """Saved maps of the model of some predictions: hot in the first cell, cold in the others."""
    key = frame.iloc[0][ROW_KEY].astype(object)
    if heat is None:
        heat = np.full(cells, -0.25)
        heat[0, 0] = 1
    corners = dict(zip(("window_x1", "window_y1", "window_x2", "window_y2"), window, strict=True))
    images = frame[["image_id", "split", "label"]].astype(str)
    values = pd.Series([heat.ravel().astype(np.float32)] * len(frame))
    return images.reset_index(drop=True).assign(
        **key, **corners, method=method, y=frame["y_true"].to_numpy(), group="", height=HEIGHT, width=WIDTH,
        map_height=heat.shape[0], map_width=heat.shape[1], values=values,
    )  # fmt: skip


def regions_of(frame, box=(0, 0, 19, 19)):
    """One box on every defect."""
    rows = frame[frame["y_true"] == 1]
    corners = dict(zip(("x1", "y1", "x2", "y2"), map(float, box), strict=True))
    return pd.DataFrame(
        {
            "image_id": rows["image_id"].to_numpy(),
            "source": "box",
            **corners,
            "height": HEIGHT,
            "width": WIDTH,
        }
    ).assign(runs=[[] for _ in range(len(rows))])


def gallery_of_maps(predicted, maps, regions, most=None, sprites=True):
    """The gallery of tables of maps, as a run's report puts it together."""
    models = mapped_models(maps, predicted)
    ids = choose_images(models)
    shown = ids[:most]
    labels = predicted.drop_duplicates("image_id").set_index("image_id")["label"].astype(str)
    images = pd.DataFrame(
        {"image_id": shown, "label": labels[shown].to_numpy(), "height": HEIGHT, "width": WIDTH}
    )
    by_key = {
        (tuple(str(each[name].iloc[0]) for name in ROW_KEY), each["method"].iloc[0]): each for each in maps
    }
    values = [map_values(by_key[model.key, model.method], model, shown) for model in models]
    sheets = Sprites(16, 8, 64, [jpeg()] * -(-len(shown) // 64)) if sprites else None
    return Gallery(images, values, regions, len(ids), len(models), sheets)


def looked_page(n=40, sprites=True, most=None):
    """A page of three models with long names, one in Chinese and one of a crop; ids are long paths."""
    ids = [
        f"线路板/第{i % 7}批/camera 2/a_rather_long_name_of_a_part_that_does_not_break_{i:04d}<b>.png"
        for i in range(2 * n)
    ]
    frames = [
        predictions("2-layer CNN", "end-to-end", n=n, quality=1.5),
        predictions("裂纹检测网络 with a long name <i>", "end-to-end", n=n, seed=1, preprocess="crop10"),
        predictions("LR", "efficientnet_lite0", "imagenet", n=n, quality=0.5, seed=2),
    ]  # fmt: skip
    truth = frames[0]
    classes = np.where(truth["y_true"] == 1, np.where(np.arange(2 * n) % 2, "裂纹", "scratch"), "good")
    frames = [
        frame.assign(image_id=ids, y_true=truth["y_true"].to_numpy(), label=classes) for frame in frames
    ]
    methods = [
        ("grad_cam", (0, 0, WIDTH, HEIGHT)),
        ("grad_cam", (10, 10, 70, 50)),
        ("exact", (0, 0, WIDTH, HEIGHT)),
    ]
    maps = [maps_of(frame, method=m, window=w) for frame, (m, w) in zip(frames, methods, strict=True)]
    predicted, regions = pd.concat(frames, ignore_index=True), regions_of(frames[0])
    images = frames[0][["image_id", "label", "split"]].assign(y=frames[0]["y_true"])
    provenance = Provenance("t", "c", localisation=localisation_table(maps, regions))
    # The plots are tested elsewhere; Plotly takes most of the time in which the page opens.
    with mock.patch("results.report.page._plotly", lambda: NO_PLOTS):
        page = build_page(predicted, pd.DataFrame(), Explorer(images, pd.DataFrame()), provenance)
    return page.html(gallery=gallery_of_maps(predicted, maps, regions, most, sprites))
