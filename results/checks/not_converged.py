"""Solvers that stopped before the optimum."""

from collections.abc import Iterator

from results.checks.base.data import RunData, named
from results.checks.base.spec import Check, Finding, Severity
from results.predictions import ROW_KEY


def _find(data: RunData) -> Iterator[Finding]:
    stopped = data.searches[data.searches["converged"].eq(False)]
    for record in stopped.drop_duplicates(ROW_KEY).to_dict("records"):
        yield Finding(f"{named(record)}: the solver stopped at its limit of iterations")


CHECK = Check(
    "DB302",
    "not_converged",
    Severity.WARNING,
    "classical models were searched by a version that saves its searches",
    "The fitted model is not the optimum of its settings: figures depend on the limit and do not repeat "
    "elsewhere.",
    "Use another value of C, a smaller grid, or more iterations of this model.",
    _find,
    needs=("searches.converged",),
)
