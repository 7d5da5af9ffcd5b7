"""The checks of a GPU, in the order in which they are worth looking at.

Each takes a folder for its files, a device and a size, and returns what it found in one line. It raises
`AssertionError`, or whatever the code under test raises, when the GPU does not answer as the CPU.
"""

import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from bench.perf.data import elpv_files, elpv_rows
from bench.perf.gpu.training import make_network
from bench.perf.search import generated_rows
from features.errors import InputError
from features.extract.extractor import Extractor
from features.pixels.decode import decode_batches
from features.pixels.images import read_image

Check = Callable[[Path, str, int], str]

#: Largest mean difference in grey levels between nvJPEG's pixels and Pillow's.
_GREY_LEVELS = 3.0
_LEAST_COSINE = 0.999
_PATIENCE = 300.0


def decode_against_pillow(folder: Path, device: str, size: int) -> str:
    """Decode grey, RGB, progressive, truncated and CMYK JPEG files on the GPU and by Pillow."""
    smooth = np.add.outer(np.arange(96), np.arange(128)).astype(np.uint8)
    colour = np.stack([smooth, smooth[::-1], smooth[:, ::-1]], axis=-1)
    kinds: dict[str, tuple[Image.Image, dict[str, Any]]] = {
        "grey": (Image.fromarray(smooth), {}), "RGB": (Image.fromarray(colour), {}),
        "progressive": (Image.fromarray(colour), {"progressive": True}),
        "CMYK": (Image.fromarray(colour).convert("CMYK"), {}), "truncated": (Image.fromarray(colour), {}),
    }  # fmt: skip
    paths = {name: folder / f"{name}.jpg" for name in kinds}
    for name, (image, options) in kinds.items():
        image.save(paths[name], quality=95, **options)
    whole = paths["truncated"].read_bytes()
    paths["truncated"].write_bytes(whole[: len(whole) // 2] + b"\xff\xd9")
    (batch,) = decode_batches([str(path) for path in paths.values()], jpeg_device=torch.device(device))
    names = list(paths)
    assert [names[row] for row, _ in batch.problems] == ["truncated"], f"problems: {batch.problems}"
    found = []
    for rows, stack in batch.stacks:
        for row, pixels in zip(rows, stack.cpu(), strict=True):
            expected = read_image(paths[names[row]])
            ours = pixels.permute(1, 2, 0).numpy().reshape(expected.shape)
            difference = np.abs(ours.astype(int) - expected).mean()
            decoder = "nvJPEG" if row in batch.on_device else "Pillow"
            found.append(f"{names[row]} {difference:.2f} ({decoder})")
            assert difference <= _GREY_LEVELS, f"{names[row]}: {difference:.1f} grey levels from Pillow's"
    return f"mean grey levels from Pillow's: {', '.join(found)}; truncated refused"


def decode_many_twice(folder: Path, device: str, size: int) -> str:
    """Embed many JPEG files twice, and once with the GPU idle at each decoding; all must agree."""
    rng = np.random.default_rng(0)
    paths = []
    for number in range(size):
        pixels = rng.integers(0, 256, (12, 12), np.uint8)
        side = int(rng.integers(96, 160))
        paths.append(str(folder / f"{number}.jpg"))
        Image.fromarray(pixels).resize((side, side)).save(paths[-1], quality=90)
    extractor = Extractor("resnet18", "random", size=64, device=device, batch_size=256)
    first, second = extractor.transform(paths), extractor.transform(paths)
    # One batch at a time: nothing waits on the stream while nvJPEG decodes.
    slow = np.concatenate([extractor.transform(paths[i : i + 256]) for i in range(0, len(paths), 256)])
    for name, other in (("the second time", second), ("synchronised", slow)):
        worst = _least_cosine(first, other)
        assert worst >= _LEAST_COSINE, f"{name}: cosine {worst:.4f}"
    return f"{len(paths):,} files, three times: least cosine {_least_cosine(first, slow):.6f}"


def search_with_many_jobs(folder: Path, device: str, size: int) -> str:
    """Search on the device with 8 jobs, with 1, and on the CPU."""
    from sklearn.model_selection import StratifiedKFold

    import classifiers
    from classifiers.search import PathSearchCV

    X, y, _, _ = generated_rows(size, 64)
    grids = {
        "lda": {"model__shrinkage": [0.01, 0.1, 0.5]}, "lr": {"model__C": [1e-3, 0.1]},
        "svm": {"model__kernel": ["rbf"], "model__C": [0.1, 1.0], "model__gamma": [1e-3, 1e-2]},
        "xgb": {"model__n_estimators": [20, 50], "model__max_depth": [3, 6]},
    }  # fmt: skip
    found = []
    for name, grid in grids.items():
        scores = []
        for jobs, where in ((8, device), (1, device), (1, "cpu")):
            cv = StratifiedKFold(4, shuffle=True, random_state=0)
            model = classifiers.make_classifier(name, random_state=0)
            search = PathSearchCV(
                model, grid, scoring="roc_auc", cv=cv, n_jobs=jobs, device=where, refit=False
            )
            scores.append(search.fit(X, y).cv_results_["mean_test_score"])
        jobs_differ, devices_differ = (float(np.abs(scores[0] - scores[i]).max()) for i in (1, 2))
        assert jobs_differ <= 1e-3, f"{name}: 8 jobs and 1 differ by {jobs_differ:.4f} AUC"
        assert devices_differ <= 0.01, f"{name}: {device} and CPU differ by {devices_differ:.4f} AUC"
        found.append(f"{name} {jobs_differ:.1e} / {devices_differ:.1e}")
    return f"AUC, 8 jobs from 1 / {device} from CPU: {', '.join(found)}"


def fine_tune_on_grey_then_embed(folder: Path, device: str, size: int) -> str:
    """Train on grey images on the device, then embed with the trained network there and on the CPU."""
    X, y = _spots(size)
    trained = make_network(str(folder / "grey.pt"), 2, device).fit(X, y)
    embedded = [
        Extractor(trained.as_backbone("resnet18_fbp"), size=64, device=where).transform(X)
        for where in (device, "cpu")
    ]
    worst = _least_cosine(*embedded)
    assert worst >= _LEAST_COSINE, f"cosine {worst:.4f} between {device} and CPU"
    return f"{len(X)} images: least cosine {worst:.6f} between {device} and CPU"


def train_kill_resume_load(folder: Path, device: str, size: int) -> str:
    """Kill a training after an epoch, resume it, save it and load it on the CPU."""
    from classifiers.saving import load_classifier, save_classifier

    X, y = _spots(size)
    data, checkpoint, epochs = folder / "data.npz", folder / "killed.pt", 4
    np.savez(data, X=X, y=y)
    command = [
        sys.executable,
        "-m",
        "bench.perf.gpu.training",
        str(data),
        str(checkpoint),
        str(epochs),
        device,
    ]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        limit = time.monotonic() + _PATIENCE
        while not checkpoint.is_file() and process.poll() is None and time.monotonic() < limit:
            time.sleep(0.02)
        process.kill()
        _, error = process.communicate()
    assert checkpoint.is_file(), f"no checkpoint: {error.strip().splitlines()[-1:]}"
    seen: list[int] = []
    model = make_network(str(checkpoint), epochs, device).fit(
        X, y, report=lambda row: seen.append(int(row["epoch"]))
    )
    assert len(model.history_) == epochs and (not seen or seen[0] > 1), f"epochs {seen} after the kill"
    save_classifier("resnet18_fbp", model, folder / "model")
    loaded = load_classifier(folder / "model", device="cpu")
    apart = float(np.abs(loaded.predict_proba(X) - model.predict_proba(X)).max())
    assert apart <= 0.05, f"probabilities on the CPU differ by {apart:.3f}"
    return f"resumed at epoch {seen[0] if seen else epochs}; probabilities on the CPU within {apart:.4f}"


def measure_extract(folder: Path, device: str, size: int) -> str:
    """Measure `perf extract` on ELPV's images."""
    from bench.perf.extract import measure_extraction

    paths, y, test = elpv_files()
    kept = slice(0, size)
    ways = ("plain loop", "ours, float32", "ours", "forward only")
    table = measure_extraction(paths[kept], y[kept], test[kept], device=device, workers=8, ways=ways)
    speed = table.set_index("way")["images_per_second"]
    return ", ".join(f"{way} {value:,.0f} images/s" for way, value in speed.items())


def measure_search(folder: Path, device: str, size: int) -> str:
    """Measure `perf search` on ELPV's embeddings, XGBoost on the device for both methods."""
    from bench.perf.search import PATHS, PLAIN, measure_searches

    table = measure_searches(elpv_rows(folder), ["lda", "xgb"], [PLAIN, PATHS], refit=False, device=device)
    rows = table[table["family"].isin(["lda", "xgb"])]
    return ", ".join(
        f"{row.family} {row.method} {row.seconds:.1f} s ({row.device})" for row in rows.itertuples()
    )


#: Name, check, and the size at which it is run: images or rows.
CHECKS: tuple[tuple[str, Check, int], ...] = (
    ("decode against Pillow", decode_against_pillow, 0),
    ("JPEGs twice, against synchronised decoding", decode_many_twice, 5000),
    ("search: 8 jobs against 1 and the CPU", search_with_many_jobs, 600),
    ("fine-tune on grey, then embed", fine_tune_on_grey_then_embed, 64),
    ("train, kill, resume, load on CPU", train_kill_resume_load, 64),
    ("perf extract", measure_extract, 2624),
    ("perf search", measure_search, 0),
)


def run_check(check: Check, folder: Path, device: str, size: int) -> tuple[str, str]:
    """Run one check; return `ok` or `failed`, and what it found or what went wrong in one line."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return "ok", check(folder, device, size)
    except InputError as error:
        return "failed", str(error)
    # The table is there to show whatever a GPU that nobody has tried yet raises; the next check still runs.
    except Exception as error:
        lines = str(error).strip().splitlines()
        return "failed", f"{type(error).__name__}: {lines[0] if lines else ''}"


def _least_cosine(first: np.ndarray, second: np.ndarray) -> float:
    norms = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
    return float(((first * second).sum(axis=1) / norms).min())


def _spots(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Return grey images of noise, every second one with a bright spot, and their labels."""
    images = np.random.default_rng(0).normal(90, 12, (n, 64, 64)).clip(0, 255).astype(np.uint8)
    images[1::2, 20:36, 20:36] = 220
    return images, np.arange(n) % 2
