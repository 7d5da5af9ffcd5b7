"""Random weights that do as well as pretrained ones."""

from collections.abc import Iterator

from results.checks.base.data import RunData, named
from results.checks.base.spec import Check, Finding, Severity
from results.feature_set import RANDOM_WEIGHTS
from results.predictions import Row

LEVEL = 0.05


def _find(data: RunData) -> Iterator[Finding]:
    from results.leaderboard import Kind, best_on_valid
    from results.statistics import delong_test

    frozen = [row for row in data.rows if Kind.of(row) is Kind.FROZEN]
    by_backbone: dict[str, list[Row]] = {}
    for row in frozen:
        by_backbone.setdefault(f"{row.key['features']}, {row.key['preprocess']}", []).append(row)
    # Compare with a control of the same network; without one, compare the best rows of each kind.
    both = [rows for rows in by_backbone.values() if len({_is_random(row) for row in rows}) == 2]
    for rows in both or [frozen]:
        random = best_on_valid(row for row in rows if _is_random(row))
        trained = best_on_valid(row for row in rows if not _is_random(row))
        if random is None or trained is None or random.images("test") != trained.images("test"):
            continue
        ours, control = data.scored(trained), data.scored(random)
        try:
            _, p = delong_test(ours.y_test, ours.score_test, control.score_test, ours.groups_test)
        except ValueError:
            # Fewer than two images of a class.
            continue
        auc, other = data.auc(trained), data.auc(random)
        if other >= auc or p >= LEVEL:
            yield Finding(
                f"{named(random.key)} reaches a ROC AUC of {other:.3f}, {named(trained.key)} {auc:.3f} "
                f"(DeLong test, p = {p:.2g})",
                {"random": other, "pretrained": auc, "p": p},
            )


def _is_random(row: Row) -> bool:
    return str(row.key["weights"]).split(" (")[0] == RANDOM_WEIGHTS


CHECK = Check(
    "DB403",
    "random_control",
    Severity.WARNING,
    "heads were fitted on embeddings of random and of pretrained networks",
    "Pretraining gains nothing that these test images show: the task may be solved by brightness or coarse "
    "texture, the weights may not fit these images, or there are too few of them.",
    "Look at DB104; try another backbone, a larger --size, or --features with a network trained on the "
    "images.",
    _find,
)
