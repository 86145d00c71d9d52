# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""Pictures as SVG. Nothing is drawn behind them: lines and text are of a middle brightness that is readable on white
and on black; programs that know which of the two they show get stronger ones. Colours differ in brightness as in hue,
and lines in their marks, so that the picture does not depend on telling colours apart."""

import xml.sax.saxutils

# name: (anywhere, on white, on black)
INK = {
    "text": ("#767676", "#57606a", "#a0a8b0"),
    "title": ("#767676", "#1f2328", "#e6edf3"),
    "grid": ("#808080", "#6e7781", "#8b949e"),
    "axis": ("#808080", "#8c959f", "#767e87"),
    "gyre": ("#2f81c9", "#0969da", "#58a6ff"),
    "brown": ("#8a7a6a", "#7d6b58", "#a89a8a"),
    "orange": ("#d1741f", "#bc5b00", "#f0a050"),
    "green": ("#2b9a6e", "#14805a", "#4cc99a"),
    "purple": ("#b565b0", "#9a3f95", "#dd8fd8"),
    "grey": ("#808080", "#6e7781", "#8b949e"),
    "must": ("#c9443f", "#b3261e", "#ff8079"),
}


def rules(column):
    return " ".join(f".{name} {{ fill: {shades[column]} }} .line.{name} {{ fill: none; stroke: {shades[column]} }}"
                    for name, shades in INK.items())


STYLE = f"""<style>
text {{ font-family: system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; font-size: 12px }}
.large {{ font-size: 18px; font-weight: 600 }}
.strong {{ font-size: 13.5px; font-weight: 600 }}
.small {{ font-size: 11px }}
.line {{ stroke-linejoin: round }}
.grid {{ stroke-opacity: 0.3 }}
{rules(0)}
@media (prefers-color-scheme: light) {{ {rules(1)} }}
@media (prefers-color-scheme: dark) {{ {rules(2)} }}
</style>"""


class Picture:
    def __init__(self, width, height, title):
        self.width, self.height, self.title, self.parts = width, height, title, []

    def text(self, x, y, words, ink="text", anchor="start"):
        """`ink`: with a size, where it is not the plain one."""
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{ink}">'
                          f"{xml.sax.saxutils.escape(words)}</text>")

    def line(self, x1, y1, x2, y2, ink, width=1.0, dash=""):
        self.path([(x1, y1), (x2, y2)], ink, width, dash)

    def path(self, places, ink, width, dash=""):
        at = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(f'<polyline points="{at}" class="line {ink}" stroke-width="{width}"{dashed}/>')

    def bar(self, x1, x2, y, height, ink, words):
        self.parts.append(f'<rect x="{min(x1, x2):.1f}" y="{y:.1f}" width="{abs(x2 - x1):.1f}" height="{height}" '
                          f'rx="1.5" class="{ink}">{self.hint(words)}</rect>')

    def mark(self, x, y, shape, ink, words=""):
        """A disc, a square, a triangle or a diamond."""
        if shape == "disc":
            self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.6" class="{ink}">{self.hint(words)}'
                              "</circle>")
            return
        corners = {"square": [(-2.8, -2.8), (2.8, -2.8), (2.8, 2.8), (-2.8, 2.8)],
                   "triangle": [(0, -3.9), (3.5, 2.6), (-3.5, 2.6)],
                   "diamond": [(0, -3.9), (3.9, 0), (0, 3.9), (-3.9, 0)]}[shape]
        at = " ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners)
        self.parts.append(f'<polygon points="{at}" class="{ink}">{self.hint(words)}</polygon>')

    @staticmethod
    def hint(words):
        return f"<title>{xml.sax.saxutils.escape(words)}</title>" if words else ""

    def write(self, path):
        head = (f'<svg xmlns="http://www.w3.org/2000/svg" width="{self.width}" height="{self.height}" '
                f'viewBox="0 0 {self.width} {self.height}" role="img">')
        lines = ['<?xml version="1.0" encoding="UTF-8"?>', head, self.hint(self.title), STYLE, *self.parts, "</svg>"]
        path.write_text("\n".join(lines) + "\n")
