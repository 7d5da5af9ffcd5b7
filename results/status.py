"""How the work behind a table row ended."""

from enum import StrEnum


class Status(StrEnum):
    """How a job ended.

    A stored status is the word alone or, with a reason, `word: reason`.

    Examples
    --------
    >>> Status.FAILED.describe("out of memory")
    'failed: out of memory'
    >>> Status.of("not run: no weights")
    (<Status.NOT_RUN: 'not run'>, 'no weights')
    """

    OK = "ok"
    NOT_RUN = "not run"
    FAILED = "failed"

    def describe(self, reason: str = "") -> str:
        """Return the stored text of this status with its reason."""
        return f"{self}: {reason}" if reason else str(self)

    @classmethod
    def of(cls, text: str) -> tuple["Status", str]:
        """Return the status and the reason of a stored text; `ValueError` for an unknown word."""
        word, _, reason = text.partition(": ")
        return cls(word), reason
