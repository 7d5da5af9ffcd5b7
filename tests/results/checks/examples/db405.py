import pandas as pd
from checked import changed, healthy


def _boards(count):
    board = healthy().leaderboard
    copies = [board.iloc[:1].assign(model=f"M{number}", best=number < 5) for number in range(count)]
    return changed(leaderboard=pd.concat(copies, ignore_index=True))


def fires():
    return _boards(21)


def silent():
    return _boards(20)
