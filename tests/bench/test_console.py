"""The lines of long work where there is no terminal."""

from bench import console


def test_progress_without_a_terminal_estimates_what_is_left_from_what_is_done(monkeypatch, capsys):
    clock = iter([0.0, 20.0, 40.0, 60.0])
    monkeypatch.setattr(console.time, "monotonic", lambda: next(clock))
    with console.task("search", 18, unit="cells") as update:
        update(0)
        update(3, "best 0.9")
        update(18)
    assert capsys.readouterr().out.splitlines() == [
        "  search: 0 of 18 cells",
        "  search: 3 of 18 cells, about 200 s left; best 0.9",
    ]
