"""What a run is: a typed, validated TOML file, a preset, and flags that override either."""

import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError, field_validator

from bench.sections import (
    ChecksConfig,
    ClassicalConfig,
    CnnConfig,
    CurveConfig,
    DartsConfig,
    DatasetConfig,
    DetectorsConfig,
    FeaturesConfig,
    Section,
    SplitConfig,
    setting,
)
from features import datasets
from features.datasets.options import describe_problem
from features.errors import InputError
from features.pixels.preprocess import get_preprocess, with_bit_depth

AUTO = "auto"
#: The network that DARTS cells are trained in.
CELLS = "darts"


class RunConfig(Section):
    """Everything that decides a run."""

    name: str = setting("run", "Name of the run's folder.", True)
    seed: int = setting(0, "Seed of everything random.", True, ge=0)
    device: str = setting("auto", "Device: auto, cpu, cuda or mps.", True)
    n_jobs: int = setting(-1, "Processes for the grid searches; -1: one per core.", "jobs")
    repeats: int = setting(
        1, "Repeat everything on this number of splits, each with its own seed.", True, ge=1
    )
    relabel: str | None = setting(
        None, "CSV file of corrected labels (image_id, new_label); see `defectbench audit`.", True
    )
    relabel_test: bool = setting(
        False, "Correct test labels too (by default corrections touch train and valid only).", True
    )
    preprocess: tuple[str, ...] = setting(
        ("none",), "Preprocessings (none, crop20, I, II, ...); every model is run with each of them.", True
    )
    sampling: tuple[str, ...] = setting(
        ("all",),
        "How classes are balanced: all (not at all), balanced (class weights), 2000B or 2000S (images of "
        "each class per epoch, with or without replacement; networks only). Each is tried.",
        True,
    )
    explain: bool = setting(True, "Make heat maps that show where the models look.", True)
    explain_heads: bool = setting(True, "Make heat maps of classical models and panels, too.")
    dataset: DatasetConfig = DatasetConfig()
    split: SplitConfig = SplitConfig()
    features: FeaturesConfig = FeaturesConfig()
    classical: ClassicalConfig = ClassicalConfig()
    cnn: CnnConfig = CnnConfig()
    darts: DartsConfig = DartsConfig()
    curve: CurveConfig = CurveConfig()
    checks: ChecksConfig = ChecksConfig()
    detectors: DetectorsConfig = DetectorsConfig()

    @field_validator("preprocess")
    @classmethod
    def _known_preprocess(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(get_preprocess(name).name for name in names)

    @field_validator("sampling")
    @classmethod
    def _known_sampling(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not re.fullmatch(r"all|balanced|[1-9]\d*[BS]", name):
                raise ValueError(f"{name!r}: give all, balanced, or a number with B or S, such as 2000B")
        return names

    @property
    def split_name(self) -> str:
        """The kind of split as the user reads it; see `DatasetSpec.split_name`."""
        return datasets.get_spec(self.dataset.name).split_name(self.split.kind)


def presets() -> list[str]:
    """Return the names of the presets that come with the package."""
    folder = resources.files("bench") / "presets"
    return sorted(entry.name.removesuffix(".toml") for entry in folder.iterdir())


def load_config(source: str, overrides: dict[str, Any] | None = None, *, quick: bool = False) -> RunConfig:
    """Read a preset or a TOML file, then let flags override it.

    Parameters
    ----------
    source : str
        A preset's name or the path of a TOML file.
    overrides : dict, optional
        Nested like the configuration; `None` stands for "not given".
    quick : bool
        Whether to put the settings of the preset `quick` on top of the file's.

    Returns
    -------
    RunConfig

    Raises
    ------
    InputError
        For an unknown preset, unreadable TOML, an unknown key or a value that does not fit; the line
        names the file, the key and the value.
    """
    path = Path(source)
    if source in presets():
        text = (resources.files("bench") / "presets" / f"{source}.toml").read_text(encoding="utf-8")
    elif path.suffix == ".toml" and path.is_file():
        text = path.read_text(encoding="utf-8")
    else:
        raise InputError(
            f"{source!r} is neither a preset ({', '.join(presets())}) nor a TOML file that exists"
        )
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{source}: not valid TOML: {error}") from None
    data.setdefault("name", path.stem)
    if quick:
        data = _quickened(data)
    changes = _given(overrides or {})
    if "weights" in changes.get("features", {}) and isinstance(data.get("features"), dict):
        # Weights given for all backbones hold for those that the file names one by one, too.
        data["features"].pop("weights_of", None)
    merged = _merge(_without_other_options(data, changes), changes)
    if "dataset" in changes and "name" not in changes:
        merged["name"] = _run_name(data, merged)
    if "relabel" in changes and "name" not in changes:
        merged["name"] = f"{merged['name']}-relabelled"
    if quick and "name" not in changes:
        merged["name"] = f"{merged['name']}-quick"
    try:
        config = RunConfig.model_validate(merged)
    except ValidationError as error:
        raise InputError(f"{source}: {_first_problem(error, merged)}") from None
    if config.darts.genotypes:
        from classifiers.cnn.darts.genotype import read_genotype
    for genotype in config.darts.genotypes:
        # Not a validator: a saved run is read after its genotype's file is gone, too.
        read_genotype(genotype)
    # Every preprocessing reads 16-bit files as the dataset's option says.
    bits = config.dataset.options.get("bit_depth")
    names = tuple(with_bit_depth(name, bits) for name in config.preprocess)
    config = config.model_copy(update={"preprocess": names})
    return _for_all(config, changes)


def _quickened(data: dict[str, Any]) -> dict[str, Any]:
    """Put the preset `quick` on top; what the file says of single networks gives way."""
    fast = tomllib.loads((resources.files("bench") / "presets" / "quick.toml").read_text(encoding="utf-8"))
    merged = _merge(data, fast)
    return {**merged, "cnn": {**merged["cnn"], "of": {}}}


def _given(overrides: dict[str, Any]) -> dict[str, Any]:
    nested = {k: _given(v) if isinstance(v, dict) else v for k, v in overrides.items()}
    return {k: v for k, v in nested.items() if v is not None and v != {}}


def _merge(base: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, dict) and isinstance(merged.get(key), dict)
        merged[key] = _merge(merged[key], value) if both else value
    return merged


def _without_other_options(data: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Drop the options of a file's dataset that the dataset named by a flag does not take."""
    name = changes.get("dataset", {}).get("name")
    section = data.get("dataset")
    if name not in datasets.names() or not isinstance(section, dict) or section.get("name", "elpv") == name:
        return data
    taken = {"name", *datasets.get_spec(name).options.model_fields}
    return {**data, "dataset": {key: value for key, value in section.items() if key in taken}}


def _for_all(config: RunConfig, changes: dict[str, Any]) -> RunConfig:
    """Drop what a file says of single networks where a flag says it of all of them."""
    sections: dict[str, CnnConfig | DetectorsConfig] = {"cnn": config.cnn, "detectors": config.detectors}
    kept: dict[str, Section] = {}
    for section, models in sections.items():
        said = changes.get(section, {}).get("params", {})
        of = {
            name: {key: value for key, value in params.items() if key not in said}
            for name, params in models.of.items()
        }
        kept[section] = models.model_copy(update={"of": of})
    said = changes.get("cnn", {}).get("params", {})
    params = {key: value for key, value in config.curve.params.items() if key not in said}
    kept["curve"] = config.curve.model_copy(update={"params": params})
    return config.model_copy(update=kept)


def _run_name(before: dict[str, Any], after: dict[str, Any]) -> str:
    """Name a run on other images than the preset's after those images."""
    dataset = after["dataset"]
    name = dataset.get("name", "elpv")
    if dataset == before.get("dataset", {}):
        return str(before["name"])
    root = dataset.get("root")
    return f"{name}-{Path(root).expanduser().resolve().name}" if root else str(name)


def _first_problem(error: ValidationError, data: dict[str, Any]) -> str:
    problem = error.errors()[0]
    section, *rest = problem["loc"]
    if section == "dataset" and rest and rest != ["name"]:
        name = data["dataset"].get("name", "elpv")
        return describe_problem(name, datasets.get_spec(name).options, tuple(rest), problem)
    where = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        model: Any = RunConfig
        for part in problem["loc"][:-1]:
            model = model.model_fields[part].annotation
        return f"unknown key {where!r}; known here: {', '.join(model.model_fields)}"
    message = problem["msg"].removeprefix("Value error, ")
    return f"{where} = {problem['input']!r}: {message}"
