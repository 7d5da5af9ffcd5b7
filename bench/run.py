"""A whole run: images, split, jobs, tables, figures."""

import functools
from pathlib import Path

from rich.panel import Panel

import classifiers
from bench import console
from bench.config import RunConfig
from bench.engine.context import Context
from bench.engine.prepare import prepare
from bench.engine.runner import run_jobs
from bench.jobs import Job, StartingWeights, build_jobs
from bench.outputs.mlflow import track_mlflow
from bench.outputs.report import draw_report
from bench.outputs.write import write_tables
from bench.run_folder import OK, Outcome, RunFolder
from features.backbones.weights import is_packaged
from features.errors import InputError, WeightsUnavailable
from features.store.store import open_store
from results.tables.formats import to_rich


def run(
    config: RunConfig, out: str | Path = "runs", cache: str | Path | None = None, *, track: bool = False
) -> int:
    """Run the benchmark, or what is missing of it, and print the leaderboard.

    Parameters
    ----------
    config : RunConfig
        What to run.
    out : str or Path
        The run's folder is made in it.
    cache : str or Path, optional
        Folder of the embedding store; DEFECTBENCH_CACHE or ~/.cache/defectbench by default.
    track : bool
        Whether to log the rows to MLflow.

    Returns
    -------
    int
        Exit code: 0, or 1 when a job failed. Rows that were not run because their weights could not
        be reached are no failure.
    """
    folder = RunFolder(Path(out) / config.name)
    dataset, images = prepare(config, folder)
    context = Context(config, folder, images, open_store(cache))
    jobs = build_jobs(config, cnn_weights=cnn_weights(config, context), symmetric=dataset.symmetric)
    folder.write_manifest(config, jobs, dataset.credit)
    outcomes, changed = _run_missing(jobs, context)
    for repeat in range(1, config.repeats):
        others, too = _repeat(config, folder, context, repeat)
        outcomes, changed = outcomes | others, changed or too
    table = write_tables(folder)
    page = folder.path / "report.html"
    if len(table[table["status"] == OK]) and (changed or not page.is_file()):
        draw_report(folder)
    if track:
        console.say(f"logged to MLflow: {track_mlflow(folder, table)}")
    credit = f"; {dataset.credit}" if dataset.credit else ""
    kind = f"split {config.split.kind}, seed {config.seed}, {len(images)} images"
    title = f"{dataset.name}: test images, {kind}"
    console.out.print(to_rich(table, title, console.out.width))
    console.say(f"tables, figures and predictions: {folder.path}; open {page}{credit}")
    failed = [each.status for each in outcomes.values() if each.status.startswith("failed")]
    missing = {each.status for each in outcomes.values() if each.status.startswith("not run")}
    for status in sorted(missing):
        console.warn(status)
    if failed:
        console.err.print(Panel("\n".join(failed), title=f"{len(failed)} jobs failed", style="red"))
    return 1 if failed else 0


def _run_missing(jobs: list[Job], context: Context) -> tuple[dict[str, Outcome], bool]:
    """Run what is missing; tell how each job ended, and whether any ended otherwise than before."""
    before = {job.id: context.folder.outcome(job.id) for job in jobs}
    outcomes = run_jobs(jobs, context)
    changed = any(old is None or old.status != outcomes[name].status for name, old in before.items())
    return outcomes, changed


def _repeat(
    config: RunConfig, folder: RunFolder, context: Context, repeat: int
) -> tuple[dict[str, Outcome], bool]:
    """Do everything on another split, in a folder of its own within the run's."""
    again = config.model_copy(
        update={
            "seed": config.seed + repeat,
            "repeats": 1,
            "features": config.features.model_copy(update={"projections": False}),
        }
    )
    place = folder.repeat(repeat)
    console.say(f"repeat {repeat + 1} of {config.repeats}, seed {again.seed}")
    dataset, images = prepare(again, place)
    shared = Context(again, place, images, context.store)
    jobs = build_jobs(again, cnn_weights=cnn_weights(again, shared), symmetric=dataset.symmetric)
    place.write_manifest(again, jobs)
    return _run_missing(jobs, shared)


def cnn_weights(config: RunConfig, context: Context) -> StartingWeights:
    """Resolve `auto` for each network: ImageNet's weights where they can be had, else random ones."""
    if config.cnn.weights != "auto":
        return lambda network: config.cnn.weights

    @functools.cache
    def start(probe: str) -> str:
        try:
            context.backbone(probe, "imagenet")
        except WeightsUnavailable as error:
            cause = f" ({error.__cause__})" if isinstance(error.__cause__, InputError) else ""
            console.warn(f"{error}{cause}; networks start from random weights")
            return "random"
        return "imagenet"

    def resolve(network: str) -> str:
        architecture = classifiers.make_classifier(network).architecture
        # One small network tells whether the hub that all the others come from can be reached.
        return start(architecture if is_packaged(architecture) else "resnet18")

    return resolve
