"""A whole run: images, split, jobs, tables, figures."""

from pathlib import Path

from rich.panel import Panel

from bench import console
from bench.config import RunConfig
from bench.engine.adapt import adapt
from bench.engine.context import Context
from bench.engine.estimate import announce
from bench.engine.job import to_record
from bench.engine.prepare import prepare
from bench.engine.runner import run_jobs
from bench.jobs.start import planned_jobs
from bench.outputs.checks import show_checks
from bench.outputs.mlflow import track_mlflow
from bench.outputs.remember import leaderboard_of
from bench.run_folder import Outcome, RunFolder
from features.backbones import architecture_of
from features.datasets import ImageDataset
from features.store import EmbeddingStore, open_store
from results.status import Status
from results.tables.formats import leaderboard_to_rich


def run(
    config: RunConfig,
    out: str | Path = "runs",
    cache: str | Path | None = None,
    *,
    track: bool = False,
    strict: bool = False,
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
    strict : bool
        Whether a check that finds an error makes the run fail.

    Returns
    -------
    int
        Exit code: 0, or 1 when a job failed, or a check with `strict`. Rows that were not run because their
        weights could not be reached are no failure.
    """
    folder = RunFolder(Path(out) / config.name)
    store = open_store(cache)
    dataset, outcomes = _run_split(config, folder, store)
    for repeat in range(1, config.repeats):
        outcomes |= _run_split(_repeated(config, repeat), folder.repeat(repeat), store, look=False)[1]
    table = leaderboard_of(folder)
    if (table["status"] == Status.OK).any() and not folder.is_drawn():
        from bench.outputs.report import draw_report

        draw_report(folder)
        folder.mark_drawn()
    if track:
        console.say(f"logged to MLflow: {track_mlflow(folder, table)}")
    credit = f"; {dataset.credit}" if dataset.credit else ""
    tested = int((folder.read_split()["split"] == "test").sum())
    title = f"{dataset.name}: {tested} test images, split {config.split_name}, seed {config.seed}"
    console.out.print(leaderboard_to_rich(table, title, console.out.width))
    if config.relabel_test:
        from bench.outputs.write import write_table_before

        before = write_table_before(folder)
        console.out.print(
            leaderboard_to_rich(before, f"{title}, test labels before the corrections", console.out.width)
        )
    if (changes := folder.tables / "attention.csv").is_file():
        from bench.outputs.localisation import read_attention
        from results.report.attention import attention_lines

        for line in attention_lines(read_attention(changes)):
            console.say(line)
    console.say(f"tables, figures and predictions: {folder.path}; open {folder.report}{credit}")
    fails = show_checks(folder, strict=strict)
    failed = [each.text for each in outcomes.values() if each.status is Status.FAILED]
    missing = {each.text for each in outcomes.values() if each.status is Status.NOT_RUN}
    for status in sorted(missing):
        console.warn(status)
    if failed:
        console.err.print(Panel("\n".join(failed), title=f"{len(failed)} jobs failed", style="red"))
    return 1 if failed or fails else 0


def _run_split(
    config: RunConfig, folder: RunFolder, store: EmbeddingStore, *, look: bool = True
) -> tuple[ImageDataset, dict[str, Outcome]]:
    """Run what is missing on one split; return the dataset and how each job ended."""
    dataset, images = prepare(config, folder, look=look)
    config = adapt(config, images)
    if not dataset.symmetric:
        _warn_of_flips(config)
    context = Context(config, folder, images, store)
    jobs = planned_jobs(config, context, symmetric=dataset.symmetric)
    folder.write_manifest(config, [to_record(job) for job in jobs], dataset.credit)
    announce(jobs, context)
    return dataset, run_jobs(jobs, context)


def _warn_of_flips(config: RunConfig) -> None:
    for name in config.features.backbones:
        if name != architecture_of(name):
            console.warn(
                f"{name} does not tell an image from its mirror image: a part that lies the wrong way round "
                "looks good to it"
            )


def _repeated(config: RunConfig, repeat: int) -> RunConfig:
    """Return the configuration of another split of the same run."""
    console.say(f"repeat {repeat + 1} of {config.repeats}, seed {config.seed + repeat}")
    features = config.features.model_copy(update={"projections": False})
    changes = {"seed": config.seed + repeat, "repeats": 1, "features": features, "explain_heads": False}
    return config.model_copy(update=changes)
