"""One self-contained HTML file of a run: summary, leaderboard, linked plots, embedding explorer."""

from results.report.page import Explorer, Provenance, Sprites, render_page

__all__ = ["Explorer", "Provenance", "Sprites", "render_page"]
