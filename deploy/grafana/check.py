#!/usr/bin/env python3
"""Runs every query of the dashboard, and every metric of the alerts, against a Prometheus that scrapes a pool.

    check.py http://127.0.0.1:9090 [--draw FOLDER]

Fails for a query that Prometheus refuses or that finds nothing. With --draw each row of the dashboard is drawn from the
same answers as one SVG file; Grafana is not needed.
"""

import argparse
import html
import json
import pathlib
import re
import sys
import time
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).parent
# Ratios need a rate over several scrapes.
INTERVAL = "30s"
# Exists only after an event that a short run does not have.
AFTER_A_FAULT = {"agent_pool_task_restarts_total"}
COLOURS = ["#3274d9", "#e0752d", "#299c46", "#a352cc", "#c4162a", "#8f8f00", "#1f78c1", "#705da0"]


def ask(base, path, **query):
    url = f"{base}/api/v1/{path}?{urllib.parse.urlencode(query)}"
    try:
        with urllib.request.urlopen(url, timeout=30) as answer:
            return json.load(answer)["data"]["result"], None
    except urllib.error.HTTPError as error:
        return [], json.load(error).get("error", str(error))


def panels(board):
    row = "Dashboard"
    for panel in board["panels"]:
        if panel["type"] == "row":
            row = panel["title"]
            continue
        queries = [(it["expr"].replace("$__rate_interval", INTERVAL), it["legendFormat"]) for it in panel["targets"]]
        yield row, panel, queries


def legend(template, labels):
    return re.sub(r"{{(\w+)}}", lambda name: labels.get(name[1], ""), template).strip()


def series_of(base, queries, since, until, problems, title):
    lines = []
    for expression, template in queries:
        found, error = ask(base, "query_range", query=expression, start=since, end=until, step=2)
        if error:
            problems.append(f"{title}: {expression}: {error}")
        for one in found:
            points = [(float(at), float(value)) for at, value in one["values"] if value != "NaN"]
            if points:
                lines.append((legend(template, one["metric"]), points))
    if not lines:
        problems.append(f"{title}: no query of this panel finds anything")
    return lines


def alerts(base, problems):
    rules = (HERE / "../prometheus/alerts.yaml").read_text()
    # The rules themselves are checked by promtool; here, that what they look at is there.
    code = "\n".join(line for line in rules.splitlines() if not re.match(r"\s*(#|summary|description)", line))
    for name in sorted(set(re.findall(r"\bagent_pool_\w+", code))):
        found, error = ask(base, "query", query=name)
        if error or not (found or name in AFTER_A_FAULT):
            problems.append(f"alerts: {name}: {error or 'no such series'}")
    tested = (HERE / "../prometheus/alerts.test.yaml").read_text()
    for alert in re.findall(r"- alert: (\w+)", rules):
        if tested.count(alert) < 2:
            problems.append(f"alerts: {alert} needs a case in which it fires and one in which it does not")


def amount(value, unit):
    if unit == "percentunit":
        return f"{value * 100:.3g} %"
    if unit == "s":
        return f"{value * 1000:.3g} ms" if value < 1 else f"{value:.3g} s"
    return f"{value:.3g}"


def draw_panel(panel, lines, x, y, width, height):
    unit = panel["fieldConfig"]["defaults"]["unit"]
    out = [f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="#fff" stroke="#ccc"/>',
           f'<text x="{x + 10}" y="{y + 20}" font-weight="600">{html.escape(panel["title"])}</text>']
    if not lines:
        out.append(f'<text x="{x + 10}" y="{y + 60}" fill="#777">no data in this run</text>')
        return out
    if panel["type"] == "stat":
        value = lines[0][1][-1][1]
        out.append(f'<text x="{x + 10}" y="{y + 70}" font-size="32">{amount(value, unit)}</text>')
        return out
    shown = lines[:8]
    every = [point for _, points in shown for point in points]
    start, end = min(at for at, _ in every), max(at for at, _ in every)
    top = max(value for _, value in every) or 1.0
    left, right, upper, lower = x + 62, x + width - 12, y + 36, y + height - 62
    for share in (0, 0.5, 1):
        at = lower - (lower - upper) * share
        out.append(f'<line x1="{left}" x2="{right}" y1="{at:.1f}" y2="{at:.1f}" stroke="#eee"/>')
        out.append(f'<text x="{left - 6}" y="{at + 4:.1f}" text-anchor="end" fill="#777" font-size="11">'
                   f'{amount(top * share, unit)}</text>')
    for index, (name, points) in enumerate(shown):
        path = " ".join(f"{left + (right - left) * (at - start) / ((end - start) or 1):.1f},"
                        f"{lower - (lower - upper) * value / top:.1f}" for at, value in points)
        colour = COLOURS[index % len(COLOURS)]
        out.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        column, line = index % 2, index // 2
        at_x, at_y = x + 10 + column * (width - 20) / 2, lower + 16 + line * 13
        out.append(f'<rect x="{at_x}" y="{at_y - 8}" width="8" height="8" fill="{colour}"/>'
                   f'<text x="{at_x + 12}" y="{at_y}" font-size="11">{html.escape(name[:40])}</text>')
    return out


def draw(rows, folder):
    folder.mkdir(parents=True, exist_ok=True)
    for title, drawn in rows.items():
        columns = max(len([1 for panel, _ in drawn if panel["gridPos"]["y"] == top["gridPos"]["y"]]) for top, _ in drawn)
        tops = sorted({panel["gridPos"]["y"] for panel, _ in drawn})
        width = 380 * columns
        heights = [110 if panel_height == 4 else 230 for panel_height in
                   (next(p["gridPos"]["h"] for p, _ in drawn if p["gridPos"]["y"] == top) for top in tops)]
        out = []
        for index, top in enumerate(tops):
            line = [(panel, lines) for panel, lines in drawn if panel["gridPos"]["y"] == top]
            each = width / len(line)
            for column, (panel, lines) in enumerate(line):
                out += draw_panel(panel, lines, column * each + 4, sum(heights[:index]) + 4, each - 8, heights[index] - 8)
        name = re.sub(r"\W+", "-", title.lower()).strip("-")
        text = (f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {sum(heights)}" '
                f'font-family="sans-serif" font-size="13"><title>{html.escape(title)}</title>'
                f'<rect width="100%" height="100%" fill="#f4f5f5"/>' + "\n".join(out) + "</svg>\n")
        (folder / f"grafana-{name}.svg").write_text(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prometheus")
    parser.add_argument("--draw", type=pathlib.Path)
    arguments = parser.parse_args()
    board = json.loads((HERE / "agent-pool.json").read_text())
    until = time.time()
    problems, rows, count = [], {}, 0
    for row, panel, queries in panels(board):
        lines = series_of(arguments.prometheus, queries, until - 300, until, problems, panel["title"])
        rows.setdefault(row, []).append((panel, lines))
        count += len(queries)
    alerts(arguments.prometheus, problems)
    if arguments.draw:
        draw(rows, arguments.draw)
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"{count} queries of {sum(map(len, rows.values()))} panels: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
