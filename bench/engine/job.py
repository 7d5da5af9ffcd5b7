"""What the runner executes: a job with everything it depends on in its fields."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from bench.config import RunConfig
from bench.engine.context import Context
from features.files import content_hash

if TYPE_CHECKING:
    from bench.engine.cost import Footprint


@dataclass(frozen=True, kw_only=True)
class Job:
    """A piece of work.

    A subclass is a kind of job: its fields say what to do, `run` does it, and `row` names the
    leaderboard row that it makes, if any. The class name is the kind's name followed by `Job`.

    Parameters
    ----------
    seed : int
        Seed of everything random in it.
    """

    seed: int

    @property
    def kind(self) -> str:
        """Name of the kind."""
        return type(self).kind_name()

    @classmethod
    def kind_name(cls) -> str:
        """Return the name of this kind: the class name without `Job`, in snake case."""
        return re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__.removesuffix("Job")).lower()

    @property
    def title(self) -> str:
        """What progress lines show."""
        raise NotImplementedError

    @property
    def slug(self) -> str:
        """The readable part of the id."""
        return self.title

    @property
    def needs(self) -> tuple[Job, ...]:
        """Jobs whose results this one reads."""
        values = (getattr(self, each.name) for each in fields(self))
        return tuple(value for value in values if isinstance(value, Job))

    @property
    def reads(self) -> tuple[Job, ...]:
        """Jobs whose results this one reads where they ended well; it runs again when further ones have."""
        return ()

    @property
    def id(self) -> str:
        """Readable name, and a hash over all fields: a job with another setting is another job."""
        text = json.dumps([self.kind, self.identity()], sort_keys=True, default=str)
        words = "".join(c if c.isalnum() else "-" for c in self.slug.lower()).strip("-")
        return f"{self.kind}-{words}-{content_hash(text.encode())[:8]}"

    def identity(self) -> dict[str, Any]:
        """Return the values that the id depends on: all fields, those of needed jobs included."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        return {name: v.identity() if isinstance(v, Job) else v for name, v in values.items()}

    def run(self, context: Context) -> None:
        """Do the work and write its results to the run folder."""
        raise NotImplementedError

    def check(self, context: Context) -> None:
        """Raise `InputError` when something that `run` needs cannot be had.

        It is called before `run` and before `seconds`, and imports none of the libraries that work needs.
        """

    def row(self, context: Context) -> dict[str, Any] | None:
        """Return the key columns of the leaderboard row that this job makes, None when it makes none."""
        return None

    def seconds(self, context: Context) -> float:
        """Estimate how many seconds `run` will take on this machine."""
        return 1.0

    def footprint(self, context: Context) -> Footprint | None:
        """Return the parameters and the memory of the network that `run` trains, None without a network."""
        return None

    @classmethod
    def plan(cls, config: RunConfig, planned: Sequence[Job]) -> Iterable[Job]:
        """Return the jobs of this kind that a run needs besides those planned so far; none by default."""
        return ()


def to_record(job: Job) -> dict[str, Any]:
    """Return a job as JSON values, from which `bench.jobs.from_record` makes it again."""
    values = {each.name: getattr(job, each.name) for each in fields(job)}
    plain = {name: _plain(value) for name, value in values.items()}
    return {"id": job.id, "kind": job.kind, "title": job.title, "fields": plain}


def _plain(value: Any) -> Any:
    """Return a job, or each job of a tuple, as its record; another value as it is."""
    if isinstance(value, Job):
        return to_record(value)
    return [_plain(each) for each in value] if isinstance(value, tuple) else value
