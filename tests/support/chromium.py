"""Where Chromium is, and how tests start it."""

import shutil

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = ["--no-sandbox", "--disable-background-networking", "--use-angle=swiftshader",
         "--enable-unsafe-swiftshader"]  # fmt: skip
