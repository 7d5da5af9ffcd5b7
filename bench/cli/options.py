"""Flags of the command line, built from the models of the configuration and of the datasets."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from features.errors import InputError

if TYPE_CHECKING:
    from pydantic import BaseModel

DATASET_PANEL = "Dataset"
PANELS = {
    "": "Run",
    "dataset": DATASET_PANEL,
    "split": "Split",
    "features": "Embeddings",
    "classical": "Classical models",
    "cnn": "Networks",
    "darts": "DARTS cells",
    "curve": "Learning curve",
    "checks": "Checks",
    "detectors": "Detectors",
}

Ignore = Annotated[
    list[str] | None,
    typer.Option(
        "--ignore",
        metavar="CODE",
        help="Checks to leave out: DB104; see `defectbench checks`. Comma-separated.",
    ),
]
Strict = Annotated[
    bool, typer.Option("--strict", rich_help_panel=PANELS["checks"], help="Fail when a check finds an error.")
]

OptionPairs = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        metavar="NAME=VALUE",
        rich_help_panel=DATASET_PANEL,
        help="Any option of the dataset; see `defectbench datasets`. Can be repeated.",
    ),
]


@dataclass(frozen=True)
class Flag:
    """One flag and the place of its value in the configuration.

    Parameters
    ----------
    path : tuple of str
        The keys that lead to the value.
    name : str
        What follows `--`.
    kind : type
        bool, int, float or str: the type of one value.
    several : bool
        Whether the flag can be repeated.
    commas : bool
        Whether a comma separates values.
    help : str
        One or two sentences.
    """

    path: tuple[str, ...]
    name: str
    kind: type
    several: bool
    commas: bool
    help: str

    @property
    def parameter(self) -> inspect.Parameter:
        """The keyword parameter that makes typer read this flag."""
        from rich.markup import escape

        declaration = f"--{self.name}/--no-{self.name}" if self.kind is bool else f"--{self.name}"
        help = f"{self.help} {'Comma-separated.' if self.commas else 'Can be repeated.'}"
        option = typer.Option(
            declaration,
            help=escape(help if self.several else self.help),
            rich_help_panel=PANELS["" if len(self.path) == 1 else self.path[0]],
            show_default=False,
            metavar=None if self.kind is bool else {int: "INTEGER", float: "FLOAT"}.get(self.kind, "TEXT"),
        )
        kind: Any = list[self.kind] if self.several else self.kind  # type: ignore[name-defined]
        return inspect.Parameter(
            self.key, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
        )

    @property
    def key(self) -> str:
        """The name of the keyword."""
        return "__".join(self.path)

    def value(self, given: Any) -> Any:
        """Return what goes into the configuration; None when the flag was not given."""
        if given is None or not self.several:
            return given
        if self.commas:
            return listed(given)
        return (given[0] if len(given) == 1 else tuple(given)) if given else None


def config_flags(model: type[BaseModel], path: tuple[str, ...] = ()) -> list[Flag]:
    """Return the flags that the fields of a configuration ask for, section by section."""
    from pydantic import BaseModel

    flags = []
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            flags += config_flags(field.annotation, (*path, name))
        else:
            flags += _flag_of(model, name, path, commas=True)
    return flags


def dataset_flags() -> list[Flag]:
    """Return the flags that the options of all datasets ask for; equal names are one flag."""
    from features import datasets

    found: dict[str, list[tuple[str, Flag]]] = {}
    for dataset in datasets.names():
        options = datasets.get_spec(dataset).options
        for name in options.model_fields:
            for flag in _flag_of(options, name, ("dataset",), commas=False):
                found.setdefault(name, []).append((dataset, flag))
    return [_merged(same) for same in found.values()]


def nested(flags: Iterable[Flag], given: dict[str, Any]) -> dict[str, Any]:
    """Return the values of flags, by keyword, as nested like the configuration."""
    overrides: dict[str, Any] = {}
    for flag in flags:
        section = overrides
        for part in flag.path[:-1]:
            section = section.setdefault(part, {})
        section[flag.path[-1]] = flag.value(given.get(flag.key))
    return overrides


def with_pairs(section: dict[str, Any], pairs: Sequence[str] | None) -> dict[str, Any]:
    """Return the values of a dataset's flags together with those of `--option NAME=VALUE`.

    Parameters
    ----------
    section : dict
        The values of the flags; None where not given.
    pairs : sequence of str, optional
        What was given with `--option`. A name that is repeated takes all its values.

    Raises
    ------
    InputError
        For a pair without `=`, and for an option given both ways.
    """
    from features.datasets.options import flag_name

    found: dict[str, list[str]] = {}
    for pair in pairs or ():
        name, equals, value = pair.partition("=")
        if not name.strip() or not equals:
            raise InputError(f"--option {pair}: write NAME=VALUE, such as --option n=1000")
        found.setdefault(name.strip().replace("-", "_"), []).append(value)
    for name in found:
        if section.get(name) is not None:
            raise InputError(f"--option {name}: given twice, also as --{flag_name(name)}; keep one")
    read = {name: values[0] if len(values) == 1 else tuple(values) for name, values in found.items()}
    return {**section, **read}


def with_flags(function: Callable[..., Any], flags: Iterable[Flag]) -> Callable[..., Any]:
    """Return a function that typer reads as `function` with `flags` in place of its `**` parameter."""
    own = list(inspect.signature(function).parameters.values())[:-1]
    parameters = [flag.parameter for flag in flags]
    first = [each for each in own if each.kind is not inspect.Parameter.KEYWORD_ONLY]
    last = [each for each in own if each.kind is inspect.Parameter.KEYWORD_ONLY]

    def call(**given: Any) -> Any:
        return function(**given)

    call.__doc__ = function.__doc__
    call.__name__ = function.__name__
    call.__signature__ = inspect.Signature([*first, *parameters, *last])  # type: ignore[attr-defined]
    return call


def lazy_command(build: Callable[[], Callable[..., Any]]) -> type[TyperCommand]:
    """Return a class of commands whose flags are built when the command is parsed, not when it is listed.

    Parameters
    ----------
    build : callable
        Returns the function, with its flags, that the command calls.
    """

    class LazyCommand(TyperCommand):
        built = False

        def get_params(self, ctx: Any) -> list[Any]:
            if not self.built:
                alone = typer.Typer(add_completion=False, rich_markup_mode="rich")
                alone.command()(build())
                whole = typer.main.get_command(alone)
                self.params, self.callback, self.built = whole.params, whole.callback, True
            return super().get_params(ctx)

    return LazyCommand


def listed(texts: str | Sequence[str] | None) -> tuple[str, ...] | None:
    """Return comma-separated names, given once or several times; None when there are none."""
    whole = [texts] if isinstance(texts, str) else texts or ()
    names = tuple(part.strip() for text in whole for part in text.split(",") if part.strip())
    return names or None


def ignored_codes(ignore: list[str] | None) -> tuple[str, ...]:
    """Return the codes of `--ignore`; an unknown one is refused before any work."""
    if not ignore:
        return ()
    from results.checks import known_codes

    return known_codes(listed(ignore) or ())


def _flag_of(model: type[BaseModel], name: str, path: tuple[str, ...], *, commas: bool) -> list[Flag]:
    from features.datasets.options import flag_of, scalar_type, takes_several

    word = flag_of(model, name)
    if word is None:
        return []
    several = takes_several(model, name)
    help = model.model_fields[name].description or ""
    return [Flag((*path, name), word, scalar_type(model, name), several, commas and several, help)]


def _merged(same: list[tuple[str, Flag]]) -> Flag:
    """Return one flag for an option that several datasets take."""
    first = same[0][1]
    kinds = {flag.kind for _, flag in same}
    takers: dict[str, list[str]] = {}
    for dataset, flag in same:
        takers.setdefault(flag.help, []).append(dataset)
    help = " ".join(f"{', '.join(names)}: {text}" for text, names in takers.items())
    return replace(
        first,
        kind=kinds.pop() if len(kinds) == 1 else str,
        several=any(flag.several for _, flag in same),
        help=help,
    )
