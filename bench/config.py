"""What a run is: a typed, validated TOML file, a preset, and flags that override either."""

import re
import tomllib
from collections.abc import Container
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

import classifiers
from features import datasets
from features.backbones import registry as backbones
from features.datasets.options import describe_problem
from features.errors import InputError
from features.pixels.preprocess import get_preprocess, with_bit_depth

AUTO = "auto"
#: The network that DARTS cells are trained in.
CELLS = "darts"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _setting(default: Any, description: str, flag: str | bool = False, **bounds: Any) -> Any:
    """Make a field whose description is the help text of its flag (`True`: named after the field)."""
    return Field(default, description=description, json_schema_extra={"flag": flag}, **bounds)


class DatasetConfig(BaseModel):
    """Which images: the name of a dataset and, beside it, the dataset's own options.

    The options are checked against the model of the dataset (`DatasetSpec.options`) and stored with their
    defaults. `None` stands for "not given".
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = _setting("elpv", "Dataset; see `defectbench datasets`.", "dataset")

    @model_validator(mode="before")
    @classmethod
    def _resolve(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        name = values.get("name", cls.model_fields["name"].default)
        if name not in datasets.names():
            return {"name": name}
        options = {key: value for key, value in values.items() if key != "name"}
        return {"name": name, **datasets.get_spec(name).options.model_validate(options).values()}

    @field_validator("name")
    @classmethod
    def _known(cls, name: str) -> str:
        return datasets.get_spec(name).name

    @property
    def options(self) -> dict[str, Any]:
        """The dataset's own options whose value is not the default."""
        return datasets.get_spec(self.name).options.model_validate(self.model_extra).changed()


class SplitConfig(_Section):
    """How the images are divided into train, valid and test."""

    kind: Literal["stratified", "group", "official", "good"] = _setting(
        "stratified",
        "How images are divided: stratified, group, official, or good (all defects in test).",
        "split",
    )
    sizes: tuple[float, float, float] = _setting((0.60, 0.15, 0.25), "Shares of train, valid and test.")


class FeaturesConfig(_Section):
    """Which embeddings the classical models get."""

    backbones: tuple[str, ...] = _setting(
        ("resnet18",), "Networks that embed the images: resnet18, resnet50, vgg16_bn, ...", "backbone"
    )
    weights: tuple[str, ...] = _setting(
        ("random", "imagenet"), "Weights of the backbones: imagenet, random or the file of a state dict."
    )
    weights_of: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Weights of single backbones, in place of `weights`."
    )
    fine_tuned: tuple[str, ...] = _setting(
        ("resnet18_fbp",), "Networks whose trained penultimate layer feeds the classical models.", "features"
    )
    size: int | Literal["auto"] = _setting(
        224, "Side of the square that images are resized to, in pixels; auto: about that of the images."
    )
    precision: Literal["bfloat16", "float16", "float32"] = _setting(
        "bfloat16", "Precision of the networks that embed."
    )
    storage: Literal["float32", "float16"] = _setting("float32", "Type of the stored embeddings.")
    batch_size: int | None = _setting(
        None, "Images per batch; by default the size that a short measurement finds fastest.", ge=1
    )
    compile: bool | None = _setting(
        None, "Compile the networks; by default when there are enough images to save time."
    )
    projections: bool = _setting(True, "Compute PCA, t-SNE and UMAP of the embeddings.")

    @property
    def side(self) -> int:
        """The size in pixels; 224 as long as it is not chosen from the images."""
        return self.size if isinstance(self.size, int) else 224

    @field_validator("size")
    @classmethod
    def _large_enough(cls, size: int | str) -> int | str:
        if isinstance(size, int) and size < 32:
            raise ValueError("give at least 32 pixels, or auto")
        return size

    @field_validator("backbones")
    @classmethod
    def _known_backbones(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _among(names, backbones.names(), "backbone")

    @field_validator("weights_of")
    @classmethod
    def _known_weights_of(cls, weights: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        _among(tuple(weights), backbones.names(), "backbone")
        return weights

    @field_validator("fine_tuned")
    @classmethod
    def _known_networks(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _among(names, classifiers.names("cnn"), "network")


class ClassicalConfig(_Section):
    """Which classical models, and how they are searched."""

    models: tuple[str, ...] = _setting(("lda", "rf", "lr", "svm", "xgb"), "Classical models to search.")
    grid: Literal["small", "full"] = _setting("small", "Grid to search: small or full.", True)
    folds: int = _setting(5, "Number of cross-validation folds.", True, ge=2)
    scoring: str = _setting("roc_auc", "scikit-learn scorer that selects the parameters.")

    @field_validator("models")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        known = [*classifiers.names("classical"), *classifiers.names("patches")]
        return _among(names, known, "classical model")


class CnnConfig(_Section):
    """Which end-to-end networks, and what is changed of their defaults.

    `params` holds for all networks, `[cnn.of.NAME]` for one.
    """

    models: tuple[str, ...] = _setting(("resnet18_ll", "resnet18_fbp", "cnn2"), "Networks to train.")
    weights: str = _setting(
        "auto", "Weights to start from; auto: ImageNet's where they can be reached, else random."
    )
    train_fraction: float | None = _setting(
        None,
        "Share of the train and valid splits that networks learn from. By default the train split; 1: "
        "choose the epoch on valid, then train again on both.",
        True,
        gt=0,
        le=1,
    )
    tensorboard: bool = _setting(False, "Write TensorBoard event files during training.", True)
    passes: int = _setting(
        15_000, "Images that a network sees in all its epochs, where `epochs` is auto.", ge=1
    )
    params: dict[str, Any] = Field(default_factory=dict, description="Parameters of all networks.")
    of: dict[str, dict[str, Any]] = Field(default_factory=dict, description="Parameters of single networks.")

    @field_validator("models")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return _among(names, classifiers.names("cnn"), "network")

    def params_of(self, name: str) -> dict[str, Any]:
        """Return the parameters to change of the network `name`."""
        return {**self.params, **self.of.get(name, {})}


class DartsConfig(_Section):
    """Which cells DARTS networks are trained from, besides the network `darts` of `cnn.models`.

    `[cnn.of.darts]` changes their training, the same for all of them.
    """

    genotypes: tuple[str, ...] = _setting(
        (), "Train a DARTS network of this cell: DARTS_V2 or the JSON file of a genotype.", "genotype"
    )
    searches: int = _setting(
        0, "Search this number of DARTS cells, each with its own seed, and train them.", True, ge=0
    )
    random_cells: int = _setting(
        0, "Train this number of random DARTS cells as a control; give at least 5.", True, ge=0
    )
    search: dict[str, Any] = Field(default_factory=dict, description="Parameters of the search.")

    @property
    def is_used(self) -> bool:
        """Whether the run trains any of these networks."""
        return bool(self.genotypes or self.searches or self.random_cells)


class RunConfig(_Section):
    """Everything that decides a run."""

    name: str = _setting("run", "Name of the run's folder.", True)
    seed: int = _setting(0, "Seed of everything random.", True, ge=0)
    device: str = _setting("auto", "Device: auto, cpu, cuda or mps.", True)
    n_jobs: int = _setting(-1, "Processes for the grid searches; -1: one per core.", "jobs")
    repeats: int = _setting(
        1, "Repeat everything on this number of splits, each with its own seed.", True, ge=1
    )
    relabel: str | None = _setting(
        None, "CSV file of corrected labels (image_id, new_label); see `defectbench audit`.", True
    )
    relabel_test: bool = _setting(
        False, "Correct test labels too (by default corrections touch train and valid only).", True
    )
    preprocess: tuple[str, ...] = _setting(
        ("none",), "Preprocessings (none, crop20, I, II, ...); every model is run with each of them.", True
    )
    sampling: tuple[str, ...] = _setting(
        ("all",),
        "How classes are balanced: all (not at all), balanced (class weights), 2000B or 2000S (images of "
        "each class per epoch, with or without replacement; networks only). Each is tried.",
        True,
    )
    explain: bool = _setting(True, "Make heat maps that show where the models look.", True)
    dataset: DatasetConfig = DatasetConfig()
    split: SplitConfig = SplitConfig()
    features: FeaturesConfig = FeaturesConfig()
    classical: ClassicalConfig = ClassicalConfig()
    cnn: CnnConfig = CnnConfig()
    darts: DartsConfig = DartsConfig()

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
    return _for_all(config, changes.get("cnn", {}).get("params", {}))


def _quickened(data: dict[str, Any]) -> dict[str, Any]:
    """Put the preset `quick` on top; what the file says of single networks gives way."""
    fast = tomllib.loads((resources.files("bench") / "presets" / "quick.toml").read_text(encoding="utf-8"))
    merged = _merge(data, fast)
    return {**merged, "cnn": {**merged["cnn"], "of": {}}}


def _among(names: tuple[str, ...], known: list[str], what: str) -> tuple[str, ...]:
    for name in names:
        if name not in known:
            raise ValueError(f"no {what} {name!r}; there are: {', '.join(known)}")
    return names


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


def _for_all(config: RunConfig, said: Container[str]) -> RunConfig:
    """Drop what a file says of single networks where a flag says it of all of them."""
    of = {
        name: {key: value for key, value in params.items() if key not in said}
        for name, params in config.cnn.of.items()
    }
    return config.model_copy(update={"cnn": config.cnn.model_copy(update={"of": of})})


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
