"""The DARTS networks of a run: from given cells, from searched ones and from random ones."""

from collections.abc import Iterator
from dataclasses import replace

import classifiers
from bench.config import RunConfig
from bench.engine.job import Job
from bench.jobs.search_cell import SearchCellJob
from bench.jobs.train import TrainJob
from bench.jobs.words import as_params, numbered
from classifiers.cnn.darts.genotype import DARTS_V2, Genotype, random_genotype, read_genotype
from results.feature_set import IMAGENET, RANDOM, SEARCHED

#: Cells of the seeds that one run can have; the splits of `--repeats` get cells of their own.
_SEEDS_PER_RUN = 1000


def cell_jobs(config: RunConfig, base: TrainJob) -> Iterator[Job]:
    """Yield the searches and the trainings of a run's DARTS cells, each after those that it needs.

    Parameters
    ----------
    config : RunConfig
    base : TrainJob
        The training of the network with its default cell; the others differ from it in the cell only.

    Raises
    ------
    InputError
        For a genotype that cannot be read.
    """
    cells, first = config.darts, _SEEDS_PER_RUN * config.seed
    names = {IMAGENET}
    for source in dict.fromkeys(cells.genotypes):
        genotype = read_genotype(source)
        name = _unused(genotype.name, names)
        yield _without_genotype(base) if genotype == DARTS_V2 else _with_cell(base, name, genotype)
    size = {"size": classifiers.get_spec(base.model).parameter("size"), **dict(base.params)}["size"]
    params = as_params({"image_size": size, **cells.search})
    for number in range(cells.searches):
        name = f"{SEARCHED} {number + 1}"
        search = SearchCellJob(seed=first + number, cell=name, params=params, preprocess=base.preprocess)
        yield from (search, replace(_without_genotype(base), cell=name, search=search))
    for number in range(cells.random_cells):
        yield _with_cell(base, f"{RANDOM} {number + 1}", random_genotype(first + number))


def _with_cell(base: TrainJob, name: str, genotype: Genotype) -> TrainJob:
    """Return the training with a cell; the whole cell is a parameter, so another one is another job."""
    return replace(base, cell=name, params=as_params({**dict(base.params), "genotype": genotype.to_json()}))


def _without_genotype(base: TrainJob) -> TrainJob:
    return replace(base, params=tuple(pair for pair in base.params if pair[0] != "genotype"))


def _unused(name: str, taken: set[str]) -> str:
    """Return a name that no other cell of the run has."""
    words = name if not name.startswith((SEARCHED, RANDOM)) else f"given {name}"
    unused = next(each for each in numbered(words, ", ") if each not in taken)
    taken.add(unused)
    return unused
