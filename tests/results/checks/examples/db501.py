import pandas as pd
from checked import changed, facts


def fires():
    return changed(
        embeddings=pd.concat(
            [facts(not_finite=2), facts(different=1), facts(constant=300), facts(saturated=60)]
        )
    )


def silent():
    return changed(embeddings=facts(different=5000, constant=200, saturated=50))
