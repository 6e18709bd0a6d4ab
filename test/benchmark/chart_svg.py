"""Horizontal bars as SVG, for light and for dark backgrounds."""

from collections.abc import Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

WIDTH, MARGIN = 840, 24
LABELS = 230  # where the bars begin
VALUES = 120  # what is left for the figures after the longest bar
ROW, BAR = 26, 16
HEAD, LINE, PANEL_HEAD, PANEL_GAP = 44, 18, 30, 18
STYLE = """\
svg { --back: #ffffff; --text: #1f2328; --soft: #59636e; --line: #d1d9e0; --cameron: #0b62d6; --floor: #8c959f; --peer: #b9793b }
@media (prefers-color-scheme: dark) {
  svg { --back: #0d1117; --text: #f0f6fc; --soft: #9aa4af; --line: #3d444d; --cameron: #58a6ff; --floor: #6e7681; --peer: #d29a5b }
}
text { font: 13px system-ui, -apple-system, "Segoe UI", "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; fill: var(--text) }
.title { font-size: 18px; font-weight: 600 }
.panel { font-weight: 600 }
.soft { fill: var(--soft) }
.label { text-anchor: end }
.figure { font-weight: 600; font-variant-numeric: tabular-nums }
.back { fill: var(--back) }
.cameron { fill: var(--cameron) }
.floor { fill: var(--floor) }
.peer { fill: var(--peer) }
line { stroke: var(--line) }
"""


class Bar(NamedTuple):
    """One of those measured."""

    label: str
    rate: float
    floor: float  # the rate that its share is of
    kind: str  # cameron | floor | peer: its colour


class Panel(NamedTuple):
    """Bars of one run."""

    title: str
    bars: Sequence[Bar]

    @property
    def height(self) -> int:
        """In pixels."""
        return PANEL_HEAD + ROW * len(self.bars) + PANEL_GAP


def svg(title: str, under: Sequence[str], panels: Sequence[Panel]) -> str:
    """All panels, on one scale."""
    head = HEAD + LINE * len(under)
    height = head + sum(panel.height for panel in panels) + MARGIN // 2
    most = max(bar.rate for panel in panels for bar in panel.bars)
    drawn, top = list[str](), head
    for panel in panels:
        drawn += _panel(panel, top, (WIDTH - MARGIN - LABELS - VALUES) / most)
        top += panel.height
    said = ", ".join(f"{bar.label} {bar.rate:,.0f}" for panel in panels for bar in panel.bars)
    begun = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}" role="img">',
        f"<title>{escape(title)}</title>",
        f"<desc>{escape(said)}</desc>",
        f"<style>\n{STYLE}</style>",
        f'<rect class="back" width="{WIDTH}" height="{height}" rx="6"/>',
        _text(MARGIN, 32, title, "title"),
        *(_text(MARGIN, HEAD + 8 + LINE * number, line, "soft") for number, line in enumerate(under)),
    ]
    return "\n".join([*begun, *drawn, "</svg>", ""])


def _panel(panel: Panel, top: int, pixels_a_unit: float) -> list[str]:
    bottom = top + PANEL_HEAD + ROW * len(panel.bars)
    drawn = [
        _text(MARGIN, top + 20, panel.title, "panel"),
        f'<line x1="{LABELS}" y1="{top + PANEL_HEAD}" x2="{LABELS}" y2="{bottom}"/>',
    ]
    for number, bar in enumerate(panel.bars):
        y, width = top + PANEL_HEAD + ROW * number, max(1.0, bar.rate * pixels_a_unit)
        drawn += [
            _text(LABELS - 10, y + 18, bar.label, "label"),
            f'<rect class="{bar.kind}" x="{LABELS}" y="{y + (ROW - BAR) // 2}" width="{width:.1f}" height="{BAR}"/>',
            _figures(LABELS + width + 8, y + 18, bar),
        ]
    return drawn


def _figures(x: float, y: int, bar: Bar) -> str:
    share = f'<tspan class="soft">({100 * bar.rate / bar.floor:.0f} %)</tspan>'
    return f'<text class="figure" x="{x:.1f}" y="{y}">{bar.rate:,.0f} {share}</text>'


def _text(x: float, y: int, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:g}" y="{y}">{escape(text)}</text>'
