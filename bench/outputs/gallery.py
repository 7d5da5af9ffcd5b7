"""The gallery of heat maps of a run's report, from the maps that the run has saved."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pandas as pd

from bench.console import task
from bench.outputs.sprites import make_sprites
from bench.run_folder import RunFolder
from results.predictions import ROW_KEY
from results.report import Gallery, Sprites
from results.report.gallery import NAMED, MappedModel, choose_images, map_values, mapped_models
from results.report.page import to_json

MOST_IMAGES = 240
#: Characters of the page for maps and pictures together.
BUDGET = 2_500_000
#: A gallery has so many images at least; it leaves out models before.
_FEWEST_IMAGES = 24
_MAPS_SHARE = 0.5
#: Sides of a picture, pixels.
_SIDES = (192, 160, 128, 96, 64, 48, 32)


def gallery_of(folder: RunFolder, images: pd.DataFrame, budget: int = BUDGET) -> Gallery | None:
    """Return the gallery of a run; None where it has saved no maps of test images.

    Parameters
    ----------
    folder : RunFolder
    images : DataFrame
        The run's images, as `RunFolder.read_split`.
    budget : int
        Characters of the page that it may take. The images become fewer until their maps fit into one half,
        and, when few are left, the models; pictures become smaller until they fit into the other.
    """
    mapped = mapped_models(folder.saved_maps(NAMED), folder.predictions())
    if not mapped:
        return None
    room = int(budget * _MAPS_SHARE)
    models = mapped
    while len(models) > 1 and _FEWEST_IMAGES * _characters(models) > room:
        models = models[:-1]
    ids = choose_images(models)
    most = min(MOST_IMAGES, max(_FEWEST_IMAGES, room // _characters(models)))
    gallery = _without_pictures(folder, images, models, mapped, ids[:most])
    taken = len(to_json(gallery.payload()))
    if taken > room and len(gallery.images) > _FEWEST_IMAGES:
        # Long names and many boxes take room, too.
        most = max(_FEWEST_IMAGES, len(gallery.images) * room // taken)
        gallery = _without_pictures(folder, images, models, mapped, ids[:most])
        taken = len(to_json(gallery.payload()))
    paths = images.set_index("image_id")["path"].loc[gallery.images["image_id"]].tolist()
    return replace(gallery, sprites=_pictures(paths, (budget - taken) * 3 // 4))


def _without_pictures(
    folder: RunFolder,
    images: pd.DataFrame,
    models: Sequence[MappedModel],
    mapped: Sequence[MappedModel],
    ids: Sequence[str],
) -> Gallery:
    shown = images.set_index("image_id", drop=False).loc[list(ids)].reset_index(drop=True)
    return Gallery(
        shown[["image_id", "label", "height", "width"]],
        _values(folder, models, ids),
        pd.read_parquet(folder.regions) if folder.regions.is_file() else pd.DataFrame(),
        len(frozenset().union(*(model.mapped for model in mapped))),
        len(mapped),
    )


def _characters(models: Sequence[MappedModel]) -> int:
    return sum(model.characters for model in models)


def _values(folder: RunFolder, models: Sequence[MappedModel], ids: Sequence[str]) -> list[dict[str, object]]:
    """Return the maps of the models in their order; the maps are read one model at a time."""
    named = {(model.key, model.method): model for model in models}
    found = {}
    for frame in folder.saved_maps():
        if len(frame):
            key = (tuple(str(frame[name].iloc[0]) for name in ROW_KEY), str(frame["method"].iloc[0]))
            if key in named:
                found[key] = map_values(frame, named[key], ids)
    return [found[key] for key in named]


def _pictures(paths: Sequence[str], budget_bytes: int) -> Sprites | None:
    """Return the pictures, or None when one of the images is no longer where it was."""
    if not all(Path(path).is_file() for path in paths):
        return None
    with task("drawing the images of the heat maps", len(paths)) as update:
        return make_sprites(paths, update, budget_bytes, _SIDES)
