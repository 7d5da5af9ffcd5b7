"""The sections of a run's configuration: typed, validated, with the help texts of their flags."""

import math
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

import classifiers
from classifiers import detection
from features import datasets
from features.backbones import registry as backbones
from features.splits.subsets import check_sizes


class Section(BaseModel):
    """A section whose keys are all known and cannot be changed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def setting(default: Any, description: str, flag: str | bool = False, **bounds: Any) -> Any:
    """Make a field whose description is the help text of its flag (`True`: named after the field)."""
    return Field(default, description=description, json_schema_extra={"flag": flag}, **bounds)


class DatasetConfig(BaseModel):
    """Which images: the name of a dataset and, beside it, the dataset's own options.

    The options are checked against the model of the dataset (`DatasetSpec.options`) and stored with their
    defaults. `None` stands for "not given".
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str = setting("elpv", "Dataset; see `defectbench datasets`.", "dataset")

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


class SplitConfig(Section):
    """How the images are divided into train, valid and test."""

    kind: Literal["stratified", "group", "official", "good"] = setting(
        "stratified",
        "How images are divided: stratified, group, official, or good (all defects in test).",
        "split",
    )
    sizes: tuple[float, float, float] = setting((0.60, 0.15, 0.25), "Shares of train, valid and test.")


class FeaturesConfig(Section):
    """Which embeddings the classical models get."""

    backbones: tuple[str, ...] = setting(
        ("resnet18",),
        "Networks that embed the images: resnet18, resnet50, vgg16_bn, ...; resnet18+flips averages over an "
        "image and its mirror images.",
        "backbone",
    )
    weights: tuple[str, ...] = setting(
        ("random", "imagenet"), "Weights of the backbones: imagenet, random or the file of a state dict."
    )
    weights_of: dict[str, tuple[str, ...]] = Field(
        default_factory=dict, description="Weights of single backbones, in place of `weights`."
    )
    fine_tuned: tuple[str, ...] = setting(
        ("resnet18_fbp",), "Networks whose trained penultimate layer feeds the classical models.", "features"
    )
    size: int | Literal["auto"] = setting(
        224, "Side of the square that images are resized to, in pixels; auto: about that of the images."
    )
    precision: Literal["bfloat16", "float16", "float32"] = setting(
        "bfloat16", "Precision of the networks that embed."
    )
    storage: Literal["float32", "float16"] = setting("float32", "Type of the stored embeddings.")
    batch_size: int | None = setting(
        None, "Images per batch; by default the size that a short measurement finds fastest.", ge=1
    )
    compile: bool | None = setting(
        None, "Compile the networks; by default when there are enough images to save time."
    )
    projections: bool = setting(True, "Compute PCA, t-SNE and UMAP of the embeddings.")

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

    @field_validator("backbones", "weights_of")
    @classmethod
    def _known_backbones(cls, named: Any) -> Any:
        among(tuple(map(backbones.architecture_of, named)), backbones.names(), "backbone")
        return named

    @field_validator("fine_tuned")
    @classmethod
    def _known_networks(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return among(names, classifiers.names("cnn"), "network")


class ClassicalConfig(Section):
    """Which classical models, and how they are searched."""

    models: tuple[str, ...] = setting(("lda", "rf", "lr", "svm", "xgb"), "Classical models to search.")
    grid: Literal["small", "full"] = setting("small", "Grid to search: small or full.", True)
    folds: int = setting(5, "Number of cross-validation folds.", True, ge=2)
    scoring: str = setting("roc_auc", "scikit-learn scorer that selects the parameters.")

    @field_validator("models")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        known = [*classifiers.names("classical"), *classifiers.names("patches")]
        return among(names, known, "classical model")


class CnnConfig(Section):
    """Which end-to-end networks, and what is changed of their defaults.

    `params` holds for all networks, `[cnn.of.NAME]` for one.
    """

    models: tuple[str, ...] = setting(("resnet18_ll", "resnet18_fbp", "cnn2"), "Networks to train.")
    weights: str = setting(
        "auto", "Weights to start from; auto: ImageNet's where they can be reached, else random."
    )
    train_fraction: float | None = setting(
        None,
        "Share of the train and valid splits that networks learn from. By default the train split; 1: "
        "choose the epoch on valid, then train again on both.",
        True,
        gt=0,
        le=1,
    )
    tensorboard: bool = setting(False, "Write TensorBoard event files during training.", True)
    attention_weights: tuple[float, ...] = setting(
        (),
        "Train each network once more with each of these weights of the penalty on evidence outside of the "
        "boxes and masks, such as 1.",
        True,
    )
    passes: int = setting(
        15_000, "Images that a network sees in all its epochs, where `epochs` is auto.", ge=1
    )
    params: dict[str, Any] = Field(default_factory=dict, description="Parameters of all networks.")
    of: dict[str, dict[str, Any]] = Field(default_factory=dict, description="Parameters of single networks.")

    @field_validator("models")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return among(names, classifiers.names("cnn"), "network")

    @field_validator("attention_weights")
    @classmethod
    def _positive(cls, weights: tuple[float, ...]) -> tuple[float, ...]:
        if not all(math.isfinite(weight) and weight > 0 for weight in weights):
            raise ValueError("give positive numbers, such as 1; the plain network is trained anyway")
        return weights

    def params_of(self, name: str) -> dict[str, Any]:
        """Return the parameters to change of the network `name`."""
        return {**self.params, **self.of.get(name, {})}


class DartsConfig(Section):
    """Which cells DARTS networks are trained from, besides the network `darts` of `cnn.models`.

    `[cnn.of.darts]` changes their training, the same for all of them.
    """

    genotypes: tuple[str, ...] = setting(
        (), "Train a DARTS network of this cell: DARTS_V2 or the JSON file of a genotype.", "genotype"
    )
    searches: int = setting(
        0, "Search this number of DARTS cells, each with its own seed, and train them.", True, ge=0
    )
    random_cells: int = setting(
        0, "Train this number of random DARTS cells as a control; give at least 5.", True, ge=0
    )
    search: dict[str, Any] = Field(default_factory=dict, description="Parameters of the search.")

    @property
    def is_used(self) -> bool:
        """Whether the run trains any of these networks."""
        return bool(self.genotypes or self.searches or self.random_cells)


class CurveConfig(Section):
    """The learning curve of `defectbench curve`."""

    enabled: bool = Field(False, description="Whether the run measures learning curves.")
    sizes: str = setting(
        "",
        "Train images of each subset, such as 32,64,...,all; with --by defects the defective ones, such as "
        "1,2,5,...,all. All of them are always measured, once.",
        True,
    )
    draws: int = setting(10, "Random subsets of each size, for heads.", True, ge=1)
    by: Literal["images", "defects"] = setting(
        "images", "What the sizes count: images, or defects beside all good images.", True
    )
    valid: Literal["scaled", "whole"] = setting(
        "scaled", "Valid split: scaled shrinks it in proportion to the train split; whole keeps it.", True
    )
    networks: tuple[str, ...] = setting((), "Networks to train; by default those of the section cnn.")
    network_sizes: str = setting(
        "", "Sizes of the subsets for networks; by default the four largest of --sizes, and all.", True
    )
    network_draws: int = setting(5, "Random subsets of each size, for networks.", True, ge=1)
    folds: int = setting(3, "Cross-validation folds of the searches; fewer where a class is rarer.", ge=2)
    params: dict[str, Any] = Field(default_factory=dict, description="Parameters of all networks.")

    @field_validator("sizes", "network_sizes")
    @classmethod
    def _sizes(cls, text: str) -> str:
        return ",".join(check_sizes(text)) if text else text

    @field_validator("networks")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return among(names, classifiers.names("cnn"), "network")


class ChecksConfig(Section):
    """Which checks of the run are left out."""

    ignore: tuple[str, ...] = setting((), "Checks to leave out: DB104; see `defectbench checks`.", True)

    @field_validator("ignore")
    @classmethod
    def _known(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        from results.checks import known_codes

        return known_codes(codes)


class DetectorsConfig(Section):
    """Which detectors are trained on the boxes of the train split.

    `params` holds for all detectors, `[detectors.of.NAME]` for one. They start from `cnn.weights`.
    """

    models: tuple[str, ...] = setting((), "Detectors to train, where the dataset has boxes or masks.")
    params: dict[str, Any] = Field(default_factory=dict, description="Parameters of all detectors.")
    of: dict[str, dict[str, Any]] = Field(default_factory=dict, description="Parameters of single detectors.")

    @field_validator("models")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return among(names, detection.names(), "detector")

    def params_of(self, name: str) -> dict[str, Any]:
        """Return the parameters to change of the detector `name`."""
        return {**self.params, **self.of.get(name, {})}


def among(names: tuple[str, ...], known: list[str], what: str) -> tuple[str, ...]:
    """Return the names if all of them are known; `ValueError` lists those there are."""
    for name in names:
        if name not in known:
            raise ValueError(f"no {what} {name!r}; there are: {', '.join(known)}")
    return names
