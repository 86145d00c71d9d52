# SPDX-License-Identifier: MIT
# Copyright (c) 2026 the gyre authors
"""What the tables show."""

import plan
from judge import PARTS, SIDES, evict_cells, threads
from results import CACHES, LIMITS, MACHINE, PEERS, Cell, title
from results import spread as spread_of
from table import Table

NONE = "–"
LAWS = {"hits-uniform": "uniform", "hits-zipf": "zipf 0.99"}
COPIED = {f"{workload}-copied": f"{law}, copied" for workload, law in LAWS.items()}
MIXES = {"mix-95-5": "95/5", "mix-50-50": "50/50"}


def spread(found, digits=2, scale=1.0):
    """A median, and the least and the most."""
    if found is None:
        return NONE
    median, least, most = (f"{scale * value:.{digits}f}" for value in found)
    return f"{median} ({least}–{most})"


def million(results, cell, peer):
    return spread(results.spread(cell, peer), scale=1e-6)


def columns(results, step, names):
    """Pairs of a column's name and of its cell. `names`: of the workloads, by workload."""
    return [(f"{words}, {threads(cell)}", cell) for workload, words in names.items()
            for cell in (Cell(step, workload, n) for n in results.threads(step, workload))]


def ratios(results, name, found, others=PEERS[1:]):
    """Rates: gyre's in millions a second, the others' by gyre's."""
    rows = []
    for peer in ("gyre", *others):
        if not any(results.has(cell, peer) for _, cell in found):
            continue
        cells = [million(results, cell, peer) if peer == "gyre" else spread(results.ratio(cell, peer, "gyre"))
                 for _, cell in found]
        rows.append(["gyre, M/s" if peer == "gyre" else title(peer), *cells])
    return Table(name, ["<", *(head for head, _ in found)], rows) if found else None


def batches(results):
    single, limit = Cell(plan.HITS, "hits-uniform", 1), Cell(plan.HITS, "two-lines-overlapped", 1)
    rows = []
    for n in plan.BATCHES:
        cell = Cell(plan.HITS, f"many-{n}-uniform", 1)
        if cell in results.cells:
            rows.append([str(n), million(results, cell, "gyre"), spread(results.ratio(cell, "gyre", "gyre", single)),
                         spread(results.ratio(cell, "ideal", "gyre")),
                         spread(results.ratio(limit, MACHINE, "gyre", cell))])
    return Table("Batches: get_many, uniform, 1 thread",
                 ["keys", "gyre, M/s", "by single gets", "*ideal*", "two lines, overlapped"], rows)


def limits(results):
    names = {Cell(plan.HITS, "dependent-load", 1): "a dependent load", Cell(plan.HITS, "two-lines", 1): "two lines",
             Cell(plan.HITS, "two-lines", 2): "two lines, 2 threads",
             Cell(plan.HITS, "two-lines-busy", 1): "two lines, with as many instructions as a hit has",
             Cell(plan.HITS, "two-lines-overlapped", 1): "two lines, many overlapped",
             Cell(plan.HITS, "to-and-fro", 2): "a line to the other processor and back, amid hits",
             Cell(plan.INSERT, "to-and-fro", 2): "a line to the other processor and back, amid insertions"}
    rows = [[words, spread(results.spread(cell, MACHINE, "ns_per_op"), 1)] for cell, words in names.items()
            if results.has(cell, MACHINE)]
    copy = [Cell(plan.INSERT_KIBIBYTE, "copy-1k", n) for n in (1, 2)]
    rows += [[f"a copy of 1 KiB, {threads(cell)}", spread(results.spread(cell, MACHINE, "ns_per_op"), 1)]
             for cell in copy if results.has(cell, MACHINE)]
    return Table("The machine's limits", ["<", "ns"], rows)


def evicting(results):
    rows = []
    for peer in ("gyre", *CACHES):
        row = [title(peer)]
        for theta in plan.EVICT:
            for cell in evict_cells(results, theta):
                hits = results.hit_ratio(cell, peer)
                row += [million(results, cell, peer) if peer == "gyre" else spread(results.ratio(cell, peer, "gyre")),
                        NONE if hits is None else f"{hits:.4f}"]
            for cell in evict_cells(results, theta)[-1:]:
                size = results.last(cell, peer).get("resident_bytes")
                row.append(f"{size / 1e6:.0f}" if size else NONE)
        rows.append(row)
    head = []
    for theta in plan.EVICT:
        cells = evict_cells(results, theta)
        head += [text for cell in cells for text in (f"zipf {theta}, {threads(cell)}", "hit ratio")]
        head += ["resident MB"] if cells else []
    return Table("Evicting, equal resident bytes: a get, and on a miss a put", ["<", *head], rows)


def counted(results):
    rows = []
    by_theta = {theta: results.counted(theta) for theta in plan.EVICT}
    for peer in ("gyre", *CACHES):
        if any(peer in found for found in by_theta.values()):
            rows.append([title(peer), *(f"{found[peer]:.4f}" if peer in found else NONE
                                        for found in by_theta.values())])
    return Table("Hit ratios with a million entries each", ["<", *(f"zipf {theta}" for theta in by_theta)], rows)


def latency(results):
    cell, rows = Cell(plan.LATENCY, "latency", 2), []
    for side, words in SIDES.items():
        for peer in ("gyre", *CACHES):
            found = [results.latency_spread(cell, peer, side, part) for part in (*PARTS, "max")]
            if all(found):
                rows.append([f"{words}, {title(peer)}", *(spread(one, 0) for one in found)])
    return Table("Latency while the cache fills, grows and evicts, 2 threads, ns",
                 ["<", *PARTS.values(), "max"], rows)


def memory(results):
    rows = []
    cell = Cell(plan.EVICTING[0.99], plan.EVICT[0.99], 2)
    held = {one["peer"]: one["resident_bytes_per_entry"] for one in results.whole["opened"]
            if one["step"] == plan.HITS and one.get("resident_bytes_per_entry")}
    payload = plan.KEY_BYTES + plan.SMALL_BYTES
    for peer in PEERS:
        full = results.bytes_an_entry(cell, peer)
        if peer in held or full:
            rows.append([title(peer), f"{held[peer]:.0f}" if peer in held else NONE,
                         f"{full:.0f}" if full else NONE, f"{full - payload:.1f}" if full else NONE])
    return Table("Resident bytes an entry, 80 of them key and value",
                 ["<", "a million entries", "evicting", "evicting, above key and value"], rows)


def beside_the_least(results):
    """Where the limits are from."""
    cells = [(f"{words}, {threads(cell)}", cell) for words, cell in
             [("uniform", Cell(plan.HITS, "hits-uniform", 1)), ("zipf 0.99", Cell(plan.HITS, "hits-zipf", 1)),
              ("6 KiB, uniform", Cell(plan.BIG, "hits-uniform", 2)),
              ("get_many(16)", Cell(plan.HITS, "many-16-uniform", 1)),
              ("95/5", Cell(plan.HITS, "mix-95-5", 2)), ("50/50", Cell(plan.HITS, "mix-50-50", 2)),
              ("hot key, overwritten", Cell(plan.HITS, "hot-key-written", 2)),
              ("insertion", Cell(plan.INSERT, "insert", 2))] if cell in results.cells]
    return ratios(results, "The least that gyre's contract asks for", cells, LIMITS)


def overwritten(results):
    """What the readers of the hot key see depends on how often it is overwritten."""
    cell = Cell(plan.HITS, "hot-key-written", 2)
    rows = []
    for peer in (*PEERS, *LIMITS):
        runs = list(results.runs(cell, peer).values())
        if runs:
            writes = spread_of([run["puts"] / run["seconds"] for run in runs])
            reads = spread_of([run["ops"] / run["puts"] for run in runs if run["puts"]])
            rows.append([title(peer), million(results, cell, peer), spread(writes, scale=1e-6), spread(reads, 1)])
    return Table("One hot key, read while it is overwritten, 2 threads",
                 ["<", "read, M/s", "overwritten, M/s", "reads for an overwrite"], rows)


def of(results):
    """All tables, but those of the figures; by what is in the results."""
    found = [ratios(results, name, cells) for name, cells in columns_of(results).items()]
    found += [overwritten(results), beside_the_least(results), batches(results), evicting(results), counted(results), latency(results), memory(results),
              limits(results)]
    return [table for table in found if table and table.rows]


def columns_of(results):
    other = columns(results, plan.HITS, {"hot-key": "read", "hot-key-written": "read and overwritten"})
    changes = (columns(results, plan.DELETES, {"delete": "delete and put"})
               + columns(results, plan.EXPIRY, {"expiry": "half expire"}))
    insertion = (columns(results, plan.INSERT, {"insert": "64 B"})
                 + columns(results, plan.INSERT_KIBIBYTE, {"insert": "1 KiB"}))
    return {
        "Hits, 64 B": columns(results, plan.HITS, LAWS),
        "Hits, 64 B, copied": columns(results, plan.HITS, COPIED),
        "Hits, 1 KiB": columns(results, plan.KIBIBYTE, LAWS | COPIED),
        "Hits, 6 KiB": columns(results, plan.BIG, LAWS | COPIED),
        "Gets and puts of the same keys": columns(results, plan.HITS, MIXES),
        "One hot key": other,
        "Deletes and expiry": changes,
        "Insertion": insertion,
    }


def number(figure, value):
    if value is None:
        return NONE
    small = 0 < abs(value) < 0.2 or "hit ratio" in figure.must.title
    return f"{value:.4f}" if small else f"{value:.2f}"


def figures_table(figures, name):
    rows = [[figure.must.title, number(figure, figure.value), f"{figure.must.sign} {figure.must.must:g}",
             "" if figure.must.aim is None else f"{figure.must.sign} {figure.must.aim:g}",
             number(figure, figure.limit), number(figure, figure.bare), figure.verdict,
             figure.where if figure.value is not None else ""] for figure in figures]
    return Table(name, ["<figure", "measured", "must", "aim", "limit here", "bare", "<result", "<where"], rows)
