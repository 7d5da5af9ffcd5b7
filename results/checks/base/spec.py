"""What a check is: a code, what it means, a remedy, and a function of what a run has saved."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from results.checks.base.data import SAVED, RunData, listed


class Severity(StrEnum):
    """How much a finding matters.

    Attributes
    ----------
    ERROR
        The figures are wrong or mean something else; `--strict` makes the command fail.
    WARNING
        The figures hold, but less than they seem to.
    INFO
        Worth knowing when reading the figures.
    UNCHECKED
        Not a finding: the check had nothing to look at, or not all of it.
    """

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"
    UNCHECKED = "unchecked"

    @property
    def rank(self) -> int:
        """0 for the most serious one."""
        return list(type(self)).index(self)


@dataclass(frozen=True)
class Finding:
    """One thing that a check has found.

    Parameters
    ----------
    text : str
        One clause with the figures, without a full stop.
    figures : mapping of str to float
        The figures of the text by their names.
    severity : Severity, optional
        That of the check by default.
    """

    text: str
    figures: Mapping[str, float] = field(default_factory=dict)
    severity: Severity | None = None


@dataclass(frozen=True)
class Check:
    """One entry of the registry of checks.

    Parameters
    ----------
    code : str
        `DB` and three digits: 1 images and split, 2 numbers of images, 3 searches and training,
        4 evaluation, 5 features.
    name : str
        Name in tables: words joined by underscores.
    severity : Severity
    when : str
        When it applies: what a run must have saved.
    meaning : str
        What a finding means for the figures.
    remedy : str
        What to do about it.
    find : callable
        `RunData` to findings; none where the check does not apply or all is well.
    needs : sequence of str
        Keys of `results.checks.base.data.SAVED`. The check is left out in a run without all of them.
    uses : sequence of str
        Keys of `SAVED` that the check looks at where they are saved.

    Examples
    --------
    >>> Check("DB999", "no_rows", Severity.INFO, "always", "Nothing was scored.", "Run it.",
    ...       lambda data: [] if data.rows else [Finding("no rows")]).code
    'DB999'
    """

    code: str
    name: str
    severity: Severity
    when: str
    meaning: str
    remedy: str
    find: Callable[[RunData], Iterable[Finding]]
    needs: Sequence[str] = ()
    uses: Sequence[str] = ()

    def run(self, data: RunData) -> "CheckResult":
        """Return the findings in a run, and what the run has not saved for this check."""
        started = time.perf_counter()
        lacking = [SAVED[name] for name in self.needs if not data.has(name)]
        if lacking:
            text = f"not checked: the run has not saved {listed(lacking, len(lacking))}"
            return CheckResult(self, (Finding(text, severity=Severity.UNCHECKED),), 0.0)
        findings = list(self.find(data))
        partly = [SAVED[name] for name in self.uses if not data.has(name)]
        if partly:
            text = f"checked in part: the run has not saved {listed(partly, len(partly))}"
            findings.append(Finding(text, severity=Severity.UNCHECKED))
        return CheckResult(self, tuple(findings), time.perf_counter() - started)


@dataclass(frozen=True)
class CheckResult:
    """What a check has found in a run.

    Parameters
    ----------
    check : Check
    findings : tuple of Finding
    seconds : float
        Duration of the check.
    """

    check: Check
    findings: tuple[Finding, ...]
    seconds: float
