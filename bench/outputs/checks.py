"""The checks of a run, from what its folder holds."""

import json
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import pandas as pd

import classifiers
from bench.console import err, out, say
from bench.run_folder import RunFolder
from classifiers.spec import plain_params
from features.files import write_text
from features.tables import read_saved
from results import checks
from results.predictions import ROW_KEY
from results.tables.formats import to_csv, to_markdown
from results.tables.shown import plain

_STYLES = {
    checks.Severity.ERROR: "red",
    checks.Severity.WARNING: "yellow",
    checks.Severity.INFO: "dim",
    checks.Severity.UNCHECKED: "dim",
}


def write_checks(folder: RunFolder, predictions: pd.DataFrame, board: pd.DataFrame) -> pd.DataFrame:
    """Check a run, write `tables/checks.csv` and `checks.md`, and return the findings.

    Parameters
    ----------
    folder : RunFolder
    predictions : DataFrame
        Of the run.
    board : DataFrame
        Its leaderboard.

    Returns
    -------
    DataFrame
        As `results.checks.check_run`.
    """
    found = checks.check_run(run_data(folder, predictions, board))
    write_text(folder.tables / "checks.csv", to_csv(found))
    write_text(folder.tables / "checks.md", to_markdown(plain(found)))
    return found


def read_checks(folder: RunFolder) -> pd.DataFrame:
    """Return the findings that `write_checks` has written."""
    return pd.read_csv(folder.tables / "checks.csv", dtype=str, keep_default_na=False)


def show_checks(
    folder: RunFolder, ignored: Collection[str] = (), *, strict: bool = False, quiet: bool = False
) -> bool:
    """Print the findings of a run whose tables are written, a line per check.

    Parameters
    ----------
    folder : RunFolder
    ignored : collection of str
        Codes to leave out, besides those that the run's configuration names.
    strict : bool
        Whether errors make the command fail.
    quiet : bool
        Whether to print only errors that make the command fail, on stderr.

    Returns
    -------
    bool
        Whether the command fails.
    """
    found = checks.without(read_checks(folder), {*folder.config().checks.ignore, *ignored})
    fails = strict and checks.has_errors(found)
    for severity, line in checks.lines_of(found):
        if not quiet:
            out.print(line, style=_STYLES[severity], markup=False, highlight=False, soft_wrap=True)
        elif fails and severity is checks.Severity.ERROR:
            err.print(line, style=_STYLES[severity], markup=False, highlight=False, soft_wrap=True)
    return fails


def check_again(
    folder: RunFolder, board: pd.DataFrame, ignored: Collection[str] = (), *, strict: bool = False
) -> bool:
    """Check a run; print every finding in full, and what the checks cost.

    Parameters
    ----------
    folder : RunFolder
    board : DataFrame
        Its leaderboard.
    ignored : collection of str
        Codes to leave out, besides those that the run's configuration names.
    strict : bool
        Whether errors make the command fail.

    Returns
    -------
    bool
        Whether the command fails.
    """
    started = time.perf_counter()
    data = run_data(folder, folder.predictions(), board)
    reading = time.perf_counter() - started
    results = checks.results_of(data)
    table = checks.without(checks.findings_table(results), {*folder.config().checks.ignore, *ignored})
    found = checks.found(table)
    for (severity, code), part in found.groupby(["severity", "code"], sort=False):
        check = checks.get_check(str(code))
        style = _STYLES[checks.Severity(str(severity))]
        title = f"{code} {check.name.replace('_', ' ')} ({severity})"
        for line in (title, *(f"  {text}" for text in part["finding"])):
            out.print(line, style=style, markup=False, highlight=False, soft_wrap=True)
        say(f"  Meaning: {check.meaning}")
        say(f"  Remedy: {check.remedy}")
    if found.empty:
        say("the checks found nothing")
    for line in checks.unchecked_lines(table):
        say(line)
    say(_cost_text(folder, results, reading))
    return strict and checks.has_errors(table)


def _cost_text(folder: RunFolder, results: list[checks.CheckResult], reading: float) -> str:
    """Return what the checks cost, beside what the jobs of the run have taken."""
    total = sum(result.seconds for result in results)
    slowest = max(results, key=lambda result: result.seconds)
    outcomes = [part.outcome(job_id) for part in folder.repeats() for job_id in part.job_ids()]
    jobs = sum(outcome.seconds for outcome in outcomes if outcome is not None)
    share = f" ({slowest.seconds / jobs:.1%} of the {jobs:.0f} s of the run's jobs)" if jobs else ""
    return (
        f"{len(results)} checks took {total:.1f} s, and {reading:.1f} s to read the run; the slowest, "
        f"{slowest.check.code}, took {slowest.seconds:.1f} s{share}"
    )


def run_data(folder: RunFolder, predictions: pd.DataFrame, board: pd.DataFrame) -> checks.RunData:
    """Return what a run has saved, as its checks take it."""
    # Imported here: findings that are written are read without the job kinds.
    from bench.outputs.suspects import best_audit

    structure = folder.path / "structure.json"
    audit = best_audit(folder) if any(record["kind"] == "audit" for record in folder.records()) else None
    return checks.RunData(
        predictions,
        board,
        images=images_of(folder),
        split_kind=folder.config().split.kind,
        structure=json.loads(structure.read_text(encoding="utf-8")) if structure.is_file() else {},
        searches=searches_of(folder),
        histories=_gathered(folder, "train", folder.history_path),
        embeddings=folder.embedding_facts(),
        audit=pd.DataFrame() if audit is None else pd.read_parquet(folder.audit_path(audit.id)),
        beside={each.path.name: read_saved(board_of(each)) for each in runs_beside(folder)},
    )


def images_of(folder: RunFolder) -> pd.DataFrame:
    """Return the run's images with the properties that it has saved of them."""
    images = folder.read_split()
    if folder.properties.is_file():
        return images.merge(pd.read_parquet(folder.properties), on="image_id", how="left")
    if folder.files.is_file():
        # A run of an older version.
        files = pd.read_parquet(folder.files).drop_duplicates("path")[["path", "size", "mtime_ns"]]
        files = files.assign(modified=files.pop("mtime_ns") / 1e9).rename(columns={"size": "bytes"})
        return images.merge(files, on="path", how="left")
    return images


def searches_of(folder: RunFolder) -> pd.DataFrame:
    """Return the grids that were searched: one row per setting, see `results.checks.RunData`."""
    frames = []
    for record in folder.records():
        key = _key(folder, record)
        if record["kind"] != "fit" or key is None:
            continue
        path = folder.search_table_path(record["id"])
        if path.is_file():
            frame = pd.read_parquet(path)
            frame["params"] = [json.loads(text) for text in frame["params"]]
        else:
            frame = _known_grid(folder, record)
        frames.append(frame.assign(**key))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def runs_beside(folder: RunFolder) -> list[RunFolder]:
    """Return the finished runs in the same place on the same images whose split keeps groups whole.

    Parameters
    ----------
    folder : RunFolder
        A run whose split is stratified; other runs need no comparison.
    """
    own = _settings(folder)
    if own.get("split", {}).get("kind") != "stratified":
        return []
    found = []
    for path in sorted(folder.path.resolve().parent.glob("*/config.json")):
        other = RunFolder(path.parent)
        theirs = _settings(other)
        same = all(theirs.get(name) == own.get(name) for name in ("dataset", "relabel"))
        if same and theirs.get("split", {}).get("kind") == "group" and board_of(other).is_file():
            found.append(other)
    return found


def board_of(folder: RunFolder) -> Path:
    """Return where the leaderboard of a run is written."""
    return folder.tables / "leaderboard.csv"


def _settings(folder: RunFolder) -> dict[str, Any]:
    """Return the configuration of a run as it is written, {} where it cannot be read."""
    try:
        found = json.loads((folder.path / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _gathered(folder: RunFolder, kind: str, place: Callable[[str], Path]) -> pd.DataFrame:
    """Return the tables that jobs of one kind have saved, with the key columns of their rows."""
    frames = []
    for record in folder.records():
        key = _key(folder, record)
        if record["kind"] == kind and key is not None and place(record["id"]).is_file():
            frames.append(pd.read_parquet(place(record["id"])).assign(**key))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _key(folder: RunFolder, record: dict[str, Any]) -> dict[str, Any] | None:
    """Return the key columns of the row that a job has made, None for a job without one."""
    outcome = folder.outcome(record["id"])
    if outcome is None or not outcome.ok or outcome.row is None:
        return None
    return {name: outcome.row[name] for name in ROW_KEY}


def _known_grid(folder: RunFolder, record: dict[str, Any]) -> pd.DataFrame:
    """Return the grid of a search of an older version, which has saved the chosen setting alone."""
    from sklearn.model_selection import ParameterGrid

    chosen = pd.read_parquet(folder.predictions_path(record["id"]), columns=["params"])["params"].iloc[0]
    spec = classifiers.get_spec(record["fields"]["model"])
    cells = [plain_params(cell) for cell in ParameterGrid(spec.grids.get(record["fields"]["grid"], {}))]
    picked = [cell == json.loads(chosen) for cell in cells]
    return pd.DataFrame({"params": cells, "chosen": picked})
