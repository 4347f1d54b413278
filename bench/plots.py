"""Plots as SVG text. Each brings its own background, so that it reads on light and dark pages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

_WIDTH = 900
_MARGIN = 24
_NAMES = 310  # width of the column of names
_LABELS = 150  # width kept free for what stands behind the longest bar
_ROW = 26
_BAR = 17
_TOP = 84  # below title and legend

_PAPER, _INK, _FAINT, _GRID = "#ffffff", "#1f2328", "#59636e", "#e3e7eb"
COLOURS = {
    "bare": "#9aa4ae",
    "cached": "#2563a8",
    "database": "#7fb0de",
    "peer": "#d9822b",
    "idle": "#9aa4ae",
    "busy": "#2563a8",
}


@dataclass(frozen=True)
class Bar:
    """One line: `label` stands behind a bar as long as `value`. No name: belongs to the last."""

    name: str
    value: float
    label: str
    group: str


def bars(title: str, rows: Sequence[Bar], legend: Mapping[str, str]) -> str:
    """Draw horizontal bars from zero; `legend` says what each group's colour means."""
    scale = (_WIDTH - 2 * _MARGIN - _NAMES - _LABELS) / max(row.value for row in rows)
    left = _MARGIN + _NAMES
    height = _TOP + _ROW * len(rows) + _MARGIN
    groups = [group for group in legend if any(row.group == group for row in rows)]
    parts = _legend(groups, legend)
    parts.append(_line(left, _TOP - 6, left, height - _MARGIN, _FAINT))
    for number, row in enumerate(rows):
        y = _TOP + _ROW * number
        middle = y + _BAR - 4
        width = max(1.5, row.value * scale)  # visible, though it be almost nothing
        parts += [
            _text(left - 10, middle, row.name, anchor="end"),
            f'<rect x="{left}" y="{y}" width="{width:.1f}" height="{_BAR}" rx="2"'
            f' fill="{COLOURS[row.group]}"/>',
            _text(left + width + 8, middle, row.label, colour=_FAINT),
        ]
    return _drawing(title, height, parts)


def curve(title: str, points: Sequence[tuple[float, float]], x_name: str, y_name: str) -> str:
    """Draw a line over a y axis that begins at zero."""
    height, left, right = 320, _MARGIN + 46, _WIDTH - _MARGIN - 10
    top, bottom = 72, height - 56
    most_x = max(x for x, _ in points) or 1
    step = _round_step(max(y for _, y in points))
    most_y = step * (int(max(y for _, y in points) / step) + 1)

    def place(x: float, y: float) -> tuple[float, float]:
        return left + (right - left) * x / most_x, bottom - (bottom - top) * y / most_y

    parts = [_text(_MARGIN, top - 16, y_name, colour=_FAINT)]
    for number in range(int(most_y / step) + 1):
        _, y = place(0, number * step)
        parts += [
            _line(left, y, right, y, _GRID),
            _text(left - 8, y + 4, f"{number * step:g}", anchor="end", colour=_FAINT),
        ]
    x_step = _round_step(most_x)
    for number in range(int(most_x / x_step) + 1):
        x, _ = place(number * x_step, 0)
        parts.append(_text(x, bottom + 20, f"{number * x_step:g}", anchor="middle", colour=_FAINT))
    parts.append(_text((left + right) / 2, bottom + 42, x_name, anchor="middle", colour=_FAINT))
    places = [place(x, y) for x, y in points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    colour = COLOURS["cached"]
    parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2.5"/>')
    parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in places]
    return _drawing(title, height, parts)


def _round_step(most: float) -> float:
    """Choose 1, 2 or 5 times a power of ten that divides an axis into about five."""
    power = 10.0 ** (len(str(int(most / 5))) - 1) if most >= 5 else 0.1
    return next(power * nice for nice in (1, 2, 5, 10) if most / (power * nice) <= 6)


def _legend(groups: Sequence[str], legend: Mapping[str, str]) -> list[str]:
    parts, x = [], float(_MARGIN)
    for group in groups:
        parts += [
            f'<rect x="{x}" y="48" width="12" height="12" rx="2" fill="{COLOURS[group]}"/>',
            _text(x + 18, 58, legend[group], colour=_FAINT),
        ]
        x += 18 + 7.2 * len(legend[group]) + 22
    return parts


def _text(x: float, y: float, text: str, *, anchor: str = "start", colour: str = _INK) -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {place} fill="{colour}">{escape(text)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'


def _drawing(title: str, height: int, parts: Sequence[str]) -> str:
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}"'
            f' viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}"'
            ' font-family="system-ui, -apple-system, Segoe UI, Helvetica, Arial, sans-serif"'
            ' font-size="13">',
            f'<rect x="0.5" y="0.5" width="{_WIDTH - 1}" height="{height - 1}" rx="6"'
            f' fill="{_PAPER}" stroke="{_GRID}"/>',
            f'<text x="{_MARGIN}" y="32" font-size="16" font-weight="600" fill="{_INK}">'
            f"{escape(title)}</text>",
            *parts,
            "</svg>",
            "",
        ]
    )
