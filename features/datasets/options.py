"""The options of a dataset: a pydantic model, from which the config, the flags and the help are built."""

import os
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails

from features.errors import InputError

#: The options that choose among the files below a folder.
Include = Annotated[
    tuple[str, ...] | None,
    Field(
        description="Glob pattern of the files to take, such as `*.jpg` or `good/*`.",
        json_schema_extra={"flag": True},
    ),
]
Exclude = Annotated[
    tuple[str, ...] | None,
    Field(
        description="Glob pattern of the files to leave out, such as `*_mask.png` or `thumbs`.",
        json_schema_extra={"flag": True},
    ),
]
#: Of datasets whose files are the user's.
BitDepth = Annotated[
    int | None,
    Field(
        ge=9,
        le=16,
        description="Number of bits that the values of 16-bit files use, such as 12.",
        json_schema_extra={"flag": True},
    ),
]


class Options(BaseModel):
    """Base of every dataset's options, and the options of a dataset that takes none.

    A field is an option: its type and bounds are checked, its default is used when the option is not
    given, and its description is the help text. Every option can be set in the section `[dataset]` of a
    configuration and with `--option NAME=VALUE`. A field with `json_schema_extra={"flag": True}` also
    gets a flag of its own (`fill_boxes` becomes `--fill-boxes`). A field that takes a tuple of str takes
    one string too, and its flag can be repeated.

    Examples
    --------
    >>> from pydantic import Field
    >>> class PartOptions(Options):
    ...     root: str = Field(description="Folder of the images.", json_schema_extra={"flag": True})
    ...     margin: int = Field(default=0, ge=0, description="Pixels to cut off each side.")
    >>> PartOptions(root="parts", margin="3").margin
    3
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _given(cls, values: Any) -> Any:
        """Leave out what is None ("not given"); take a path as str, and one str for a tuple of one."""
        if not isinstance(values, dict):
            return values
        given = {}
        for name, value in values.items():
            text = os.fspath(value) if isinstance(value, os.PathLike) else value
            alone = isinstance(text, str) and name in cls.model_fields and takes_only_several(cls, name)
            if value is not None:
                given[name] = (text,) if alone else text
        return given

    def values(self) -> dict[str, Any]:
        """Return every option with its value, defaults included."""
        return {name: getattr(self, name) for name in type(self).model_fields}

    def changed(self) -> dict[str, Any]:
        """Return the options whose value is not the default."""
        fields = type(self).model_fields
        return {
            name: value
            for name, value in self.values().items()
            if fields[name].is_required() or value != fields[name].get_default(call_default_factory=True)
        }


def takes_several(options: type[BaseModel], name: str) -> bool:
    """Return whether a field takes several values (a tuple, list or set)."""
    return any(_is_sequence(each) for each in _alternatives(options.model_fields[name].annotation))


def takes_only_several(options: type[BaseModel], name: str) -> bool:
    """Return whether a field takes several values and not a single str."""
    return takes_several(options, name) and str not in _alternatives(options.model_fields[name].annotation)


def scalar_type(options: type[BaseModel], name: str) -> type:
    """Return bool, int, float or str: the type of one value of a field, as a command line takes it."""
    kinds = _alternatives(options.model_fields[name].annotation)
    found = [kind for kind in (bool, int, float) if kind in kinds]
    return found[0] if len(found) == 1 and str not in kinds else str


def checked(dataset: str, options: type[Options], given: dict[str, Any]) -> Options:
    """Return the options of a dataset, checked.

    Parameters
    ----------
    dataset : str
        Its name, for messages.
    options : type
        The dataset's model.
    given : dict
        What the user gave; `None` stands for "not given".

    Raises
    ------
    InputError
        For an unknown or missing option, or a value that does not fit.
    """
    try:
        return options.model_validate(given)
    except ValidationError as error:
        problem = error.errors()[0]
        raise InputError(describe_problem(dataset, options, problem["loc"], problem)) from None


def describe_problem(
    dataset: str, options: type[BaseModel], loc: tuple[int | str, ...], problem: ErrorDetails
) -> str:
    """Return one line that says what is wrong with an option of a dataset.

    Parameters
    ----------
    dataset : str
    options : type
        The dataset's model.
    loc : tuple
        Where the problem is, from the model on.
    problem : dict
        One of pydantic's errors.
    """
    name = str(loc[0]) if loc else ""
    if problem["type"] == "extra_forbidden":
        known = ", ".join(options.model_fields) or "none"
        return f"dataset {dataset} takes no option {name}; it takes: {known}"
    if problem["type"] == "missing" and len(loc) == 1:
        return f"dataset {dataset} needs the option {name} (--{flag_name(name)})"
    message = problem["msg"].removeprefix("Value error, ")
    return f"dataset {dataset}: {name} = {problem['input']!r}: {message}"


def flag_of(options: type[BaseModel], name: str) -> str | None:
    """Return the flag that a field asks for, without dashes; None when it asks for none.

    A field asks for one with `json_schema_extra={"flag": True}`, or `{"flag": "name"}` for another name.
    """
    extra = options.model_fields[name].json_schema_extra
    asked = extra.get("flag") if isinstance(extra, dict) else None
    return asked if isinstance(asked, str) else (flag_name(name) if asked else None)


def flag_name(name: str) -> str:
    """Return a field's name as it is written in a flag: `fill_boxes` is `fill-boxes`."""
    return name.replace("_", "-")


def _alternatives(annotation: Any) -> list[Any]:
    """Return the members of a union, or the annotation itself, without None and `Annotated`."""
    members = get_args(annotation) if get_origin(annotation) in (Union, UnionType) else (annotation,)
    bare = [get_args(each)[0] if get_origin(each) is Annotated else each for each in members]
    return [each for each in bare if each is not type(None)]


def _is_sequence(annotation: Any) -> bool:
    return (get_origin(annotation) or annotation) in (tuple, list, set, frozenset)
