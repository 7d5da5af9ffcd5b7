"""`defectbench perf`: measure the speed of each implementation as a ratio to a plain one."""

from typing import Annotated

import typer

app = typer.Typer(
    no_args_is_help=True, help="Measure speed as a ratio to a plain implementation, in one run."
)

_FAMILIES = "lda,lr,svm,svm-linear,rf,rf-depth,xgb,xgb-bins"


@app.command(epilog="Example: defectbench perf search   |   defectbench perf search --rows 24000")
def search(
    rows: Annotated[int, typer.Option(help="Generated embeddings to search on; 0: the ELPV embeddings.")] = 0,
    families: Annotated[str, typer.Option(help="Families of models, comma-separated.")] = _FAMILIES,
    methods: Annotated[
        str, typer.Option(help="Methods: stock, intelex, halving, path; comma-separated.")
    ] = "stock,intelex,halving,path",
    folds: Annotated[int, typer.Option(help="Number of cross-validation folds.")] = 5,
    jobs: Annotated[int, typer.Option(help="Number of processes or threads; -1: one per core.")] = -1,
    stock_cells: Annotated[
        int | None,
        typer.Option(help="Number of cells to time GridSearchCV on; the time is scaled to the grid."),
    ] = None,
    stock_folds: Annotated[
        int | None,
        typer.Option(help="Number of folds to time GridSearchCV on; the time is scaled to all folds."),
    ] = None,
    stock_seconds: Annotated[
        float | None,
        typer.Option(help="Seconds after which GridSearchCV is stopped; its time is then a lower bound."),
    ] = None,
    refit: Annotated[
        bool, typer.Option(help="Fit the chosen model, untimed, and report its test AUC.")
    ] = True,
    device: Annotated[
        str, typer.Option(help="cpu, or cuda: where the paths and every XGBoost compute.")
    ] = "cpu",
    out: Annotated[str, typer.Option(help="Folder of the table and the plot.")] = "runs/perf",
    cache: Annotated[str | None, typer.Option(help="Folder of cached embeddings.")] = None,
) -> None:
    """Search one grid with GridSearchCV, scikit-learn-intelex, HalvingGridSearchCV and PathSearchCV."""
    from bench.console import say
    from bench.perf.data import elpv_rows
    from bench.perf.search import generated_rows, measure_searches
    from bench.perf.search_worker import METHODS
    from bench.perf.show import show

    known = dict(zip(("stock", "intelex", "halving", "path"), METHODS, strict=True))
    chosen = [known[_among(name, known)] for name in _listed(methods)]
    searched = [_among(name, _FAMILIES.split(",")) for name in _listed(families)]
    data = generated_rows(rows) if rows else elpv_rows(cache)
    n, d = data[0].shape
    table = measure_searches(
        data, searched, chosen, folds=folds, jobs=jobs, stock_cells=stock_cells, stock_folds=stock_folds,
        stock_seconds=stock_seconds, refit=refit, device=_among(device, ("cpu", "cuda")), report=say,
    )  # fmt: skip
    title = f"grid search on {n:,} x {d} {'generated' if rows else 'ELPV'} embeddings, {folds} folds"
    name = f"search-{n}" if rows else "search"
    show(table, out, name, title, group="family", bar="method", value="seconds", axis="seconds")


@app.command(epilog="Example: defectbench perf extract   |   defectbench perf extract --backbone resnet50")
def extract(
    backbone: Annotated[str, typer.Option(help="resnet18, resnet34 or resnet50.")] = "resnet18",
    size: Annotated[int, typer.Option(help="Side of the square that images are resized to, pixels.")] = 224,
    images: Annotated[int, typer.Option(help="Number of ELPV images; 0: all.")] = 0,
    copies: Annotated[
        int, typer.Option(help="Number of JPEG copies of each image; 0: the files as they are.")
    ] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    ways: Annotated[
        str, typer.Option(help="Implementations to time, separated by semicolons; by default all.")
    ] = "",
    mixed: Annotated[
        bool, typer.Option("--mixed", help="Compare images of many sizes with the same images of one size.")
    ] = False,
    out: Annotated[str, typer.Option(help="Folder of the table and the plot.")] = "runs/perf",
) -> None:
    """Extract embeddings from files with a plain loop, timm, defectbench and the network alone."""
    import tempfile

    import numpy as np

    from bench.console import say
    from bench.perf.data import as_jpegs, elpv_files
    from bench.perf.extract import WAYS, measure_extraction, measure_mixed
    from bench.perf.show import show
    from features.extract.forward import choose_device
    from features.pixels.decode import default_workers

    paths, y, test = elpv_files()
    kept = np.linspace(0, len(paths) - 1, images or len(paths)).astype(int)
    paths, y, test = [paths[row] for row in kept], y[kept], test[kept]
    if mixed:
        found = choose_device(device)
        with tempfile.TemporaryDirectory() as folder:
            table = measure_mixed(paths, folder, backbone=backbone, size=size, device=str(found))
        title = f"{backbone} at {size} on {found}, {len(paths):,} ELPV images of many sizes and of one"
        show(table, out, f"extract-{backbone}-mixed", title, group="way", bar="backbone",
             value="images_per_second", axis="images/s", constant={"backbone": backbone})  # fmt: skip
        return
    chosen = [_among(way.strip(), WAYS) for way in ways.split(";") if way.strip()] or list(WAYS)
    with tempfile.TemporaryDirectory() as folder:
        if copies:
            paths, y, test = as_jpegs(paths, folder, copies), np.tile(y, copies), np.tile(test, copies)
        found = choose_device(device)
        table = measure_extraction(
            paths, y, test, backbone=backbone, size=size, device=str(found), workers=default_workers(),
            ways=chosen, report=say,
        )  # fmt: skip
    title = f"{backbone} at {size} on {found}, {len(paths):,} {'JPEG' if copies else 'ELPV'} files"
    name = f"extract-{backbone}" + ("" if found.type == "cpu" else f"-{found.type}")
    show(table, out, name, title, group="way", bar="backbone", value="images_per_second", axis="images/s",
         constant={"backbone": backbone})  # fmt: skip


@app.command(epilog="Example: defectbench perf gpu   |   tox -e gpu")
def gpu(
    out: Annotated[str, typer.Option(help="Folder of the table.")] = "runs/perf",
) -> None:
    """Check a CUDA GPU against the CPU: decoding, search, training, speed. Exit code 1 on a failure."""
    from pathlib import Path

    from bench.console import say
    from bench.perf.gpu.run import check_gpu
    from bench.perf.show import show_table

    table = check_gpu(say)
    show_table(table, Path(out), "gpu", "checks of the GPU")
    raise typer.Exit(1 if (table["result"] == "failed").any() else 0)


@app.command(epilog="Example: defectbench perf train   |   defectbench perf train --model darts-search")
def train(
    model: Annotated[
        str,
        typer.Option(
            help="resnet18; or a step on generated images of efficientnet_lite0 (gradients of its "
            "convolutions on the CPU) or darts-search."
        ),
    ] = "resnet18",
    size: Annotated[
        int,
        typer.Option(
            min=0,
            help="Side of the square images, pixels; 0: 224 for resnet18, 160 for efficientnet_lite0, "
            "64 for darts-search.",
        ),
    ] = 0,
    images: Annotated[int, typer.Option(help="Number of ELPV images, or of images of the search.")] = 512,
    epochs: Annotated[int, typer.Option(help="Number of epochs; the first is not timed.")] = 3,
    batch_size: Annotated[int, typer.Option(min=2, help="Images per batch.")] = 32,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda.")] = "auto",
    out: Annotated[str, typer.Option(help="Folder of the table and the plot.")] = "runs/perf",
) -> None:
    """Train ResNet-18 with plain skorch and with the estimator, or time a step of another network."""
    import numpy as np

    from bench.console import say
    from bench.perf.data import elpv_files
    from bench.perf.show import show
    from bench.perf.train import MODELS, measure_gradients, measure_search_step, measure_training
    from features.errors import InputError
    from features.extract.forward import choose_device
    from features.pixels.decode import default_workers

    if epochs < 2 or images < 8:
        raise InputError("perf train needs 2 epochs and 8 images at least")
    found = choose_device(device)
    where = "" if found.type == "cpu" else f"-{found.type}"
    if _among(model, MODELS) == "efficientnet_lite0":
        side, steps = size or 160, (epochs - 1) * max(images // batch_size, 1)
        table = measure_gradients(size=side, batch_size=batch_size, steps=steps, report=say)
        title = f"a step of EfficientNet-Lite0 at {side} on cpu, {batch_size} images"
        show(table, out, "train-efficientnet-lite0", title, group="way", bar="network", axis="images/s",
             value="images_per_second", constant={"network": "EfficientNet-Lite0"})  # fmt: skip
        return
    if model == "darts-search":
        side, steps = size or 64, (epochs - 1) * max(images // (2 * batch_size), 1)
        table = measure_search_step(
            size=side, batch_size=batch_size, steps=steps, device=str(found), report=say
        )
        title = f"a step of the DARTS search at {side} on {found}, 2 x {batch_size} images"
        show(table, out, f"train-darts-search{where}", title, group="way", bar="network",
             value="images_per_second", axis="images/s", constant={"network": "DARTS search"})  # fmt: skip
        return
    paths, y, _ = elpv_files()
    kept = np.linspace(0, len(paths) - 1, min(images, len(paths))).astype(int)
    side = size or 224
    table = measure_training(
        [paths[row] for row in kept], y[kept], size=side, batch_size=batch_size, epochs=epochs,
        device=str(found), workers=default_workers(), report=say,
    )  # fmt: skip
    title = f"training ResNet-18 at {side} on {found}, {len(kept):,} ELPV images"
    show(table, out, f"train{where}", title, group="way", bar="network", value="images_per_second",
         axis="images/s", constant={"network": "ResNet-18"})  # fmt: skip


@app.command(epilog="Example: defectbench perf store   |   defectbench perf store --rows 41000:float32")
def store(
    rows: Annotated[
        str, typer.Option(help="Tables to time, as ROWS:TYPE, comma-separated; TYPE is float32 or float16.")
    ] = "41000:float32,1000000:float16",
    out: Annotated[str, typer.Option(help="Folder of the table and the plot.")] = "runs/perf",
) -> None:
    """Write, read and search generated embeddings in the store; report time and memory."""
    from bench.console import say
    from bench.perf.show import show
    from bench.perf.store import measure_store
    from features.errors import InputError
    from features.store.store import STORAGE_TYPES

    sizes = []
    for each in _listed(rows):
        count, _, storage = each.partition(":")
        if not count.isdigit() or int(count) < 10:
            raise InputError(f"--rows {each}: give a number of rows, 10 at least, and a type: 41000:float32")
        sizes.append((int(count), _among(storage or "float32", STORAGE_TYPES)))
    table = measure_store(sizes, report=say)
    title = "the embedding store, 512 values per row"
    show(table, out, "store", title, group="use", bar="rows", value="seconds", axis="seconds")


@app.command(epilog="Example: defectbench perf start   |   defectbench perf start --run runs/elpv")
def start(
    run: Annotated[
        str, typer.Option(help="Folder of a finished run; by default a small run is made first.")
    ] = "",
    starts: Annotated[int, typer.Option(help="Number of starts of each command.")] = 5,
    out: Annotated[str, typer.Option(help="Folder of the table and the plot.")] = "runs/perf",
) -> None:
    """Time commands from start to exit, as a ratio to importing numpy and pandas."""
    from contextlib import nullcontext
    from pathlib import Path

    from bench.console import say
    from bench.perf.show import show
    from bench.perf.start import measure_starts, small_run

    with nullcontext(Path(run)) if run else small_run() as folder:
        table = measure_starts(folder, starts=starts, report=say)
    title = f"starts of the command line, median of {starts}"
    show(table, out, "start", title, group="command", bar="use", value="seconds", axis="seconds",
         constant={"use": "start"})  # fmt: skip


@app.command(epilog="Example: defectbench perf explain   |   defectbench perf explain --network resnet50_fbp")
def explain(
    network: Annotated[str, typer.Option(help="Network whose maps are made.")] = "resnet18_fbp",
    methods: Annotated[str, typer.Option(help="Methods, comma-separated; by default all.")] = "",
    images: Annotated[int, typer.Option(help="Number of maps.", min=1)] = 1000,
    more: Annotated[
        int, typer.Option(help="Number of maps of the second measurement of memory; 0: none.", min=0)
    ] = 10_000,
    size: Annotated[int, typer.Option(help="Side of the images, pixels.")] = 128,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    out: Annotated[str, typer.Option(help="Folder of the table and the plot.")] = "runs/perf",
) -> None:
    """Make heat maps in batches, as a ratio to one forward and backward pass of the network."""
    from bench.console import say
    from bench.perf.explain import measure_maps
    from bench.perf.show import show
    from classifiers import maps, names

    chosen = [_among(name, maps.names()) for name in _listed(methods) or maps.names()]
    table = measure_maps(
        _among(network, names("cnn")), chosen, images=images, more=more, size=size,
        device=_among(device, ("cpu", "cuda")), report=say,
    )  # fmt: skip
    title = f"heat maps of {network}, {size} pixels"
    show(table, out, "explain", title, group="what", bar="images", value="images_per_second",
         axis="images per second")  # fmt: skip


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _among(name: str, known: object) -> str:
    from features.errors import InputError

    names = list(known)  # type: ignore[call-overload]
    if name not in names:
        raise InputError(f"{name!r}: choose among {', '.join(names)}")
    return name
