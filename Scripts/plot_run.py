#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Draws a run's losses from its log.jsonl as an SVG, with nothing but the standard library.

    Scripts/plot_run.py RUN/log.jsonl [-o curve.svg] [--title TEXT] [--x tokens|steps|flops|seconds]

The picture has no background, and colours that show on light and on dark pages.
"""

import argparse
import json
import math
import sys

WIDTH, HEIGHT = 760, 380
LEFT, RIGHT, TOP, BOTTOM = 64, 20, 56, 56

AXES = {
    "tokens": ("tokens", "tokens seen"),
    "steps": ("step", "optimizer steps"),
    "flops": ("flops", "floating-point operations"),
    "seconds": ("seconds", "seconds"),
}

# Colours in the middle, which show on white pages and on dark ones alike. (A media query would
# follow the reader's system, which need not be as dark or light as the page.)
STYLE = """
  text { font: 13px system-ui, -apple-system, 'Segoe UI', sans-serif; fill: #768390; }
  .title { font-size: 15px; font-weight: 600; }
  .grid { stroke: #768390; stroke-width: 1; opacity: 0.3; }
  .raw { fill: none; stroke: #3b82f6; stroke-width: 1; opacity: 0.4; }
  .training { fill: none; stroke: #3b82f6; stroke-width: 2; stroke-linejoin: round; }
  .validation { fill: none; stroke: #e3722b; stroke-width: 2; stroke-linejoin: round; }
  .dot { fill: #e3722b; }
"""


def read_log(path):
    """The step records and the evaluation records, in order; a torn last line is left out."""
    steps, evaluations = [], []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            try:
                record = json.loads(line)
            except json.JSONDecodeError:
                continue
            if is_number(record.get("validationLoss")):
                evaluations.append(record)
            elif is_number(record.get("loss")):
                steps.append(record)
    return steps, evaluations


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def smooth(values, reach=20):
    """Means over the neighbours: few at the start, so that the first drop is not delayed; at the
    end those before it, so that the last value is not left to chance."""
    sums = [0.0]
    for value in values:
        sums.append(sums[-1] + value)
    result = []
    for i in range(len(values)):
        low = i - min(reach, i)
        high = min(i + min(reach, i), len(values) - 1)
        result.append((sums[high + 1] - sums[low]) / (high - low + 1))
    return result


def thin(points, most=600):
    """At most about `most` of the points, evenly chosen, the last among them."""
    stride = max(1, len(points) // most)
    return points[::stride] + ([points[-1]] if (len(points) - 1) % stride else [])


def ticks(low, high, count=6):
    """Round values from low to high, about as many as count."""
    span = max(high - low, 1e-9)
    raw = span / count
    power = 10 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw * 0.999)
    first = math.ceil(low / step - 1e-9)
    return [i * step for i in range(first, math.floor(high / step + 1e-9) + 1)]


def readable(value):
    """A number as short as people write it: 2.5M, 1.5e15, 300."""
    if abs(value) >= 1e12:
        return f"{value:.3g}".replace("e+", "e")
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{letter}"
    return f"{value:.4g}"


def escape(text):
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


class Plane:
    """Maps data to the picture: x linear from zero, y linear with a little room."""

    def __init__(self, xs, ys):
        self.right = max(xs)
        self.low, self.high = min(ys), max(ys)
        margin = 0.05 * max(self.high - self.low, 1e-3)
        self.low -= margin
        self.high += margin

    def x(self, value):
        return LEFT + (WIDTH - LEFT - RIGHT) * value / self.right

    def y(self, value):
        return TOP + (HEIGHT - TOP - BOTTOM) * (self.high - value) / (self.high - self.low)

    def path(self, points):
        return "M" + "L".join(f"{self.x(x):.1f},{self.y(y):.1f}" for x, y in points)


def grid(plane, label):
    lines = []
    for value in ticks(plane.low, plane.high):
        y = f"{plane.y(value):.1f}"
        lines.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y}" y2="{y}"/>')
        lines.append(
            f'<text x="{LEFT - 8}" y="{y}" dy="4" text-anchor="end">{value:.4g}</text>')
    for value in ticks(0, plane.right):
        lines.append(
            f'<text x="{plane.x(value):.1f}" y="{HEIGHT - BOTTOM + 20}" text-anchor="middle">'
            f"{readable(value)}</text>")
    lines.append(
        f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 12}" text-anchor="middle">'
        f"{label}</text>")
    lines.append(f'<text x="{LEFT}" y="{TOP - 12}">loss, nats per token</text>')
    return lines


def legend(kinds):
    lines, x = [], WIDTH - RIGHT
    for kind in reversed(kinds):
        x -= 8 * len(kind) + 4
        lines.append(f'<line class="{kind}" x1="{x - 26}" x2="{x - 6}" y1="{TOP - 16}" '
                     f'y2="{TOP - 16}"/><text x="{x}" y="{TOP - 12}">{kind}</text>')
        x -= 40
    return lines


def draw(steps, evaluations, axis, title):
    key, label = AXES[axis]
    training = list(zip([s[key] for s in steps], [s["loss"] for s in steps]))
    smoothed = list(zip([s[key] for s in steps], smooth([s["loss"] for s in steps])))
    validation = [(e[key], e["validationLoss"]) for e in evaluations if is_number(e.get(key))]
    # Single steps may leave the picture above and below; the smoothed curve may not.
    everything = smoothed + validation
    plane = Plane([x for x, _ in everything], [y for _, y in everything])
    body = [f'<text class="title" x="{LEFT}" y="22">{escape(title)}</text>']
    body += grid(plane, label)
    body += [
        f'<clipPath id="plane"><rect x="{LEFT}" y="{TOP}" width="{WIDTH - LEFT - RIGHT}" '
        f'height="{HEIGHT - TOP - BOTTOM}"/></clipPath>',
        f'<path class="raw" clip-path="url(#plane)" d="{plane.path(thin(training))}"/>',
        f'<path class="training" d="{plane.path(thin(smoothed))}"/>',
    ]
    if validation:
        body.append(f'<path class="validation" d="{plane.path(thin(validation))}"/>')
        body += [f'<circle class="dot" cx="{plane.x(x):.1f}" cy="{plane.y(y):.1f}" r="2.5"/>'
                 for x, y in thin(validation, 60)]
    body += legend(["training"] + (["validation"] if validation else []))
    inside = "\n  ".join(body)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" height="{HEIGHT}" role="img">\n'
            f"  <title>{escape(title)}</title>\n"
            f"  <style>{STYLE}  </style>\n  {inside}\n</svg>\n")


def default_title(steps, evaluations):
    last = steps[-1]
    title = f"{readable(last['tokens'])} tokens in {last['seconds']:.0f} seconds"
    if evaluations:
        title += f": validation loss {evaluations[-1]['validationLoss']:.3f}"
    return title


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("log", help="a run's log.jsonl")
    parser.add_argument("-o", "--output", help="the SVG; default: standard output")
    parser.add_argument("--title")
    parser.add_argument("--x", choices=AXES, default="tokens")
    arguments = parser.parse_args()
    steps, evaluations = read_log(arguments.log)
    if not steps:
        sys.exit(f"{arguments.log}: there is no step with a loss in this log")
    title = arguments.title or default_title(steps, evaluations)
    picture = draw(steps, evaluations, arguments.x, title)
    if arguments.output:
        with open(arguments.output, "w", encoding="utf-8") as file:
            file.write(picture)
    else:
        sys.stdout.write(picture)


if __name__ == "__main__":
    main()
