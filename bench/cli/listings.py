"""`defectbench models`, `datasets` and `checks`: what the registries hold."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from bench.cli.options import Ignore, Strict, ignored_codes

if TYPE_CHECKING:
    from features.datasets import DatasetSpec

OptionRow = tuple[str, str, str]


def register(app: typer.Typer) -> None:
    """Add the commands to the command line."""
    app.command(epilog="Example: defectbench models")(models)
    app.command(epilog="Example: defectbench datasets")(datasets)
    app.command(epilog="Example: defectbench checks   |   defectbench checks runs/elpv")(checks)


def models() -> None:
    """List the models."""
    import classifiers
    from classifiers import detection

    specs = [
        *map(classifiers.get_spec, classifiers.names()),
        *map(detection.get_spec, detection.names()),
    ]
    _print([(spec.name, spec.kind, spec.summary) for spec in specs])


def datasets() -> None:
    """List the datasets and their options."""
    from bench.console import say
    from features import datasets as registry

    for name in registry.names():
        spec = registry.get_spec(name)
        say(f"{spec.name}: {spec.summary}")
        _print([(f"  {flag}", default, text) for flag, default, text in option_rows(spec)])
    say("Options with a flag of their own are also taken by --option NAME=VALUE and the section [dataset].")


def checks(
    run: Annotated[str | None, typer.Argument(help="Folder of a run; without it, list the checks.")] = None,
    ignore: Ignore = None,
    strict: Strict = False,
) -> None:
    """Check a run and print every finding in full, or list the checks: when, what it means, remedy."""
    from bench.console import say
    from results import checks as registry

    ignored = ignored_codes(ignore)
    if run is not None:
        from bench.outputs.checks import check_again
        from bench.outputs.remember import leaderboard_of
        from bench.run_folder import RunFolder

        folder = RunFolder.existing(run)
        if check_again(folder, leaderboard_of(folder), ignored, strict=strict):
            raise typer.Exit(1)
        return
    for check in map(registry.get_check, registry.codes()):
        say(f"{check.code} {check.name.replace('_', ' ')} ({check.severity})")
        _print([("  when", check.when), ("  means", check.meaning), ("  remedy", check.remedy)])
    say("Leave one out with --ignore CODE or `ignore` in [checks]; --strict makes errors fatal.")


def option_rows(spec: "DatasetSpec") -> list[OptionRow]:
    """Return a row for each option of a dataset: how to give it, its default, its description."""
    from features.datasets.options import flag_of, scalar_type, takes_several

    rows = []
    for name, field in spec.options.model_fields.items():
        flag = flag_of(spec.options, name)
        kind = scalar_type(spec.options, name)
        value = (
            "" if kind is bool and flag else {bool: "true|false", int: "INTEGER", float: "FLOAT"}.get(kind)
        )
        value = "TEXT" if value is None else value
        given = f"--{flag} {value}".rstrip() if flag else f"--option {name}={value}"
        default = "required" if field.is_required() else _shown(field.default)
        several = " Can be repeated." if takes_several(spec.options, name) else ""
        rows.append((given, default, f"{field.description or ''}{several}"))
    return rows


def _shown(default: object) -> str:
    if default is None or default == ():
        return ""
    return f"default {str(default).lower() if isinstance(default, bool) else default}"


def _print(rows: Sequence[tuple[str, ...]]) -> None:
    from rich.markup import escape
    from rich.table import Table

    from bench import console

    table = Table(show_header=False, box=None)
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    console.out.print(table)
