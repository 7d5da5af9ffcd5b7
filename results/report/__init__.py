"""One self-contained HTML file of a run: summary, leaderboard, linked plots, embedding explorer."""

from results.report.explorer import Explorer, Sprites
from results.report.gallery import Gallery
from results.report.page import Page, Provenance, build_page, render_page

__all__ = ["Explorer", "Gallery", "Page", "Provenance", "Sprites", "build_page", "render_page"]
