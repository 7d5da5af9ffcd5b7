"""`defectbench perf extract`: the same files to embeddings, six ways in turn."""

import tempfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from bench.perf.process import run_worker
from features.pixels.images import read_image

#: Name of each way to the options of its worker.
WAYS: dict[str, dict[str, Any]] = {
    "plain loop": {"way": "plain"},
    "timm": {"way": "timm"},
    "ours, float32": {"way": "ours", "precision": "float32"},
    "ours": {"way": "ours"},
    "ours, compiled": {"way": "ours", "compile": True},
    "ours, cached": {"way": "ours", "cached": True},
    "forward only": {"way": "ceiling"},
}
PLAIN, EXACT, CEILING = "plain loop", "ours, float32", "forward only"


def measure_extraction(
    paths: Sequence[str],
    y: np.ndarray,
    test: np.ndarray,
    *,
    backbone: str = "resnet18",
    size: int = 224,
    device: str = "cpu",
    workers: int = 1,
    ways: Sequence[str] = tuple(WAYS),
    report: Callable[[str], None] = lambda line: None,
) -> pd.DataFrame:
    """Time each way on the same files, one after the other.

    Parameters
    ----------
    paths : sequence of str
        Image files.
    y : int array of 0 and 1, shape (n,)
    test : bool array, shape (n,)
        Rows on which the AUC of a logistic regression, fitted on the others, is measured.
    backbone, size, device
        What to extract with.
    workers : int
        Decoding processes of timm's way.
    ways : sequence of str
        Of `WAYS`.
    report : callable
        Called with one line after each way.

    Returns
    -------
    DataFrame
        way, images_per_second, us_per_image (microseconds, from the file, without the cold start), ratio
        (to the plain loop), share_of_ceiling, seconds, peak_gib,
        least_cosine (of an image's embedding to ours in float32), auc, note.
    """
    found, embeddings = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for way in ways:
            if WAYS[way]["way"] == "timm" and find_spec("timm") is None:
                report("timm: not installed, left out")
                continue
            task = {**WAYS[way], "paths": list(paths), "backbone": backbone, "size": size,
                    "device": device, "workers": workers}  # fmt: skip
            where = Path(folder) / "embeddings.npy"
            where.unlink(missing_ok=True)
            answer = run_worker("bench.perf.extract_worker", task, Path(folder), way, str(where))
            if where.is_file():
                embeddings[way] = np.load(where)
                answer["auc"] = _auc(embeddings[way], y, test)
            found.append({"way": way, "note": "", **answer})
            report(f"{way}: {answer['images_per_second']:.1f} images/s")
    table = pd.DataFrame(found)
    speed = table.set_index("way")["images_per_second"]
    table["us_per_image"] = 1e6 / table["images_per_second"]
    table["ratio"] = table["images_per_second"] / speed.get(PLAIN, np.nan)
    table["share_of_ceiling"] = table["images_per_second"] / speed.get(CEILING, np.nan)
    table["least_cosine"] = [
        _least_cosine(embeddings.get(way), embeddings.get(EXACT)) if way.startswith("ours") else np.nan
        for way in table["way"]
    ]
    columns = ["way", "images_per_second", "us_per_image", "ratio", "share_of_ceiling", "seconds", "peak_gib",
               "peak_gpu_gib", "least_cosine", "auc", "note"]  # fmt: skip
    return table[[name for name in columns if name in table]]


def measure_mixed(
    paths: Sequence[str],
    folder: str | Path,
    *,
    backbone: str = "resnet18",
    size: int = 224,
    device: str = "cpu",
    rounds: int = 3,
    seed: int = 0,
) -> pd.DataFrame:
    """Time images of many sizes against the same images brought to one size beforehand.

    Parameters
    ----------
    paths : sequence of str
        Image files.
    folder : str or Path
        Where the resized images are written, as PNG files.
    backbone, size, device
        What to extract with.
    rounds : int
        Both are timed so often in turn, in one process; the best round of each counts.
    seed : int
        Of the sizes, 60 to 140% of an image's own.

    Returns
    -------
    DataFrame
        way, images_per_second, us_per_image, ratio (to one size), sizes (number of distinct ones), seconds.
    """
    rng = np.random.default_rng(seed)
    mixed: list[str] = []
    alike: list[str] = []
    sizes = set()
    common: tuple[int, int] | None = None
    for number, path in enumerate(paths):
        image = Image.fromarray(read_image(path))
        common = common or image.size
        shape = tuple(
            round(side * factor) for side, factor in zip(image.size, rng.uniform(0.6, 1.4, 2), strict=True)
        )
        sizes.add(shape)
        resized = image.resize((max(8, shape[0]), max(8, shape[1])))
        for files, kind, picture in ((mixed, "mixed", resized), (alike, "alike", resized.resize(common))):
            files.append(str(Path(folder) / f"{kind}-{number}.png"))
            picture.save(files[-1])
    task = {"way": "mixed", "paths": mixed, "alike": alike, "backbone": backbone, "size": size,
            "device": device, "rounds": rounds}  # fmt: skip
    answer = run_worker(
        "bench.perf.extract_worker", task, Path(folder), "mixed sizes", str(Path(folder) / "none")
    )
    table = pd.DataFrame({
        "way": ["one size", "mixed sizes"], "seconds": [answer["alike"], answer["mixed"]],
        "sizes": [1, len(sizes)],
    })  # fmt: skip
    table["images_per_second"] = len(paths) / table["seconds"]
    table["us_per_image"] = 1e6 / table["images_per_second"]
    table["ratio"] = table["images_per_second"] / table["images_per_second"].iloc[0]
    return table[["way", "images_per_second", "us_per_image", "ratio", "sizes", "seconds"]]


def _auc(matrix: np.ndarray, y: np.ndarray, test: np.ndarray) -> float:
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, solver="newton-cholesky"))
    model.fit(matrix[~test], y[~test])
    return float(roc_auc_score(y[test], model.decision_function(matrix[test])))


def _least_cosine(matrix: np.ndarray | None, exact: np.ndarray | None) -> float:
    if matrix is None or exact is None:
        return float("nan")
    norms = np.linalg.norm(matrix, axis=1) * np.linalg.norm(exact, axis=1)
    return float(((matrix * exact).sum(axis=1) / norms).min())
