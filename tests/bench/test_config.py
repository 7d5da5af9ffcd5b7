import pytest

from bench.config import load_config, presets
from bench.jobs import EmbedJob, FitJob, ProjectJob, TrainJob, build_jobs
from bench.jobs.words import row_of
from features.errors import InputError
from results.feature_set import FeatureSet


@pytest.mark.parametrize("name", presets())
def test_every_preset_loads_and_gives_jobs(name):
    config = load_config(name, {"dataset": {"root": "parts"}} if name == "folder" else None)
    assert config.name == {"folder": "folder-parts"}.get(name, name)
    jobs = build_jobs(config, cnn_weights=lambda network: "random", symmetric=True)
    assert len({job.id for job in jobs}) == len(jobs)
    for number, job in enumerate(jobs):
        assert set(job.needs) <= set(jobs[:number])


def test_the_default_benchmark_has_the_promised_rows():
    jobs = build_jobs(load_config("elpv"), cnn_weights=lambda network: "random", symmetric=True)
    fits = {(j.model, j.embeddings.backbone, j.embeddings.weights) for j in jobs if isinstance(j, FitJob)}
    embeddings = [("resnet18", "random"), ("resnet18", "imagenet"), ("resnet18_fbp", "fine-tuned")]
    embeddings += [("efficientnet_lite0", "imagenet")]
    assert fits == {
        (model, *features) for model in ("lda", "rf", "lr", "svm", "xgb") for features in embeddings
    }
    networks = ["resnet18_ll", "resnet18_fbp", "cnn2", "efficientnet_lite0_fbp"]
    assert [j.model for j in jobs if isinstance(j, TrainJob)] == networks
    assert sum(isinstance(j, ProjectJob) for j in jobs) == len(embeddings)
    selections = {j.embeddings.weights: j.selection for j in jobs if isinstance(j, FitJob)}
    assert selections == {"random": "cv", "imagenet": "cv", "fine-tuned": "valid"}


def test_each_network_starts_where_its_own_weights_are():
    jobs = build_jobs(
        load_config("elpv"),
        cnn_weights=lambda network: "imagenet" if network.startswith("efficientnet") else "random",
        symmetric=True,
    )
    starts = {j.model: j.weights for j in jobs if isinstance(j, TrainJob)}
    assert starts.pop("efficientnet_lite0_fbp") == "imagenet" and set(starts.values()) == {"random"}


def test_another_setting_is_another_job():
    jobs = [EmbedJob(seed=0, backbone="resnet18", weights="random", size=size) for size in (64, 64, 65)]
    assert jobs[0].id == jobs[1].id != jobs[2].id


def test_flags_override_and_rename():
    config = load_config("elpv", {"seed": 5, "dataset": {"name": "folder", "root": "/data/My parts"}})
    assert config.seed == 5 and config.dataset.root == "/data/My parts"
    assert config.name == "folder-My parts"
    assert load_config("elpv", {"name": "mine"}).name == "mine"
    assert load_config("elpv", {"seed": None}) == load_config("elpv")


def test_a_flag_for_every_network_wins_over_what_a_file_says_of_one():
    config = load_config("cnn", {"cnn": {"params": {"epochs": 1}}})
    assert {config.cnn.params_of(name)["epochs"] for name in config.cnn.models} == {1}
    assert config.cnn.params_of("vgg16_fbp")["size"] == 64
    assert load_config("cnn").cnn.params_of("vgg16_fbp")["epochs"] == 3


def test_weights_given_by_a_flag_hold_for_every_backbone():
    assert load_config("elpv").features.weights_of == {"efficientnet_lite0": ("imagenet",)}
    config = load_config("elpv", {"features": {"weights": ("random",)}})
    assert config.features.weights_of == {}
    jobs = build_jobs(config, cnn_weights=lambda network: "random", symmetric=True)
    frozen = {(j.backbone, j.weights) for j in jobs if isinstance(j, EmbedJob) and j.network is None}
    assert frozen == {("resnet18", "random"), ("efficientnet_lite0", "random")}
    kept = load_config("elpv", {"features": {"size": 64}}).features.weights_of
    assert kept == {"efficientnet_lite0": ("imagenet",)}


def write(tmp_path, text):
    path = tmp_path / "c.toml"
    path.write_text(text)
    return str(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sead = 1", r"c\.toml: unknown key 'sead'; known here: name, seed"),
        ("[dataset]\ncolour = 1", r"c\.toml: dataset elpv takes no option colour; it takes: root, threshold"),
        ("[dataset]\nname = 'mnist'", r"dataset\.name = 'mnist': no dataset 'mnist'"),
        ("[classical]\nmodels = ['mlp']", r"classical\.models = .*no classical model 'mlp'"),
        ("[features]\nbackbones = ['alexnet']", "no backbone 'alexnet'"),
        ("[features]\nweights_of = { alexnet = ['random'] }", "no backbone 'alexnet'"),
        ("[classical]\nfolds = 1", r"classical\.folds = 1: .*greater than or equal to 2"),
        ("[split]\nkind = 'odd'", r"split\.kind = 'odd'"),
        ("seed = ", "not valid TOML"),
    ],
)
def test_what_is_wrong_in_a_file_is_named(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as caught:
        load_config(write(tmp_path, text))
    assert "\n" not in str(caught.value)


def test_unknown_presets_are_named():
    with pytest.raises(InputError, match=r"neither a preset \(.*elpv, .*smoke\) nor a TOML file"):
        load_config("nope")


def test_lists_in_files_become_hashable_parameters(tmp_path):
    config = load_config(write(tmp_path, "[cnn.of.cnn2]\nsize = [40, 48]"))
    jobs = build_jobs(config, cnn_weights=lambda network: "random", symmetric=False)
    (job,) = (j for j in jobs if isinstance(j, TrainJob) and j.model == "cnn2")
    assert dict(job.params)["size"] == (40, 48)
    assert hash(job)


def test_rows_of_a_split_by_guessed_groups_are_called_approximate():
    config = load_config("elpv", {"split": {"kind": "group"}})
    row = row_of("LDA", FeatureSet("resnet18", "random"), "all", config)
    assert row["split_kind"] == config.split_name == "approximate groups"
    assert load_config("elpv").split_name == "stratified"


def test_backbones_are_named_with_or_without_flips():
    names, weights = ("resnet18", "resnet18+flips", "efficientnet_lite0+flips"), {"resnet18": ("random",)}
    features = {"backbones": names, "weights": ("imagenet",), "weights_of": weights}
    config = load_config("elpv", {"features": features, "cnn": {"models": ()}})
    jobs = build_jobs(config, cnn_weights=lambda network: "random", symmetric=True)
    frozen = [job for job in jobs if isinstance(job, EmbedJob) and job.network is None]
    assert [(job.backbone, job.weights) for job in frozen] == [
        ("resnet18", "random"), ("resnet18+flips", "random"), ("efficientnet_lite0+flips", "imagenet"),
    ]  # fmt: skip
    with pytest.raises(InputError, match="no backbone 'resnet17'"):
        load_config("elpv", {"features": {"backbones": ("resnet17+flips",)}})


def test_no_network_is_trained_for_detectors_alone():
    def trains(*models):
        changes = {"classical": {"models": models}, "cnn": {"models": ()}}
        jobs = build_jobs(load_config("elpv", changes), cnn_weights=lambda name: "random", symmetric=True)
        return any(isinstance(job, TrainJob) for job in jobs)

    assert trains("lda", "patchcore") and not trains("patchcore", "knn_distance")
