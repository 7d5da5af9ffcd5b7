"""One self-contained HTML file of a run: summary, leaderboard, linked plots, embedding explorer."""

from results.report.explorer import Explorer, Sprites
from results.report.page import Provenance, render_page

__all__ = ["Explorer", "Provenance", "Sprites", "render_page"]
