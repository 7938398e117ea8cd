"""Draws the pictures of a comparison: plot.py compare.json folder; or of spmv.json, spmm.json,
tensor.json

  speedup.png   time of COO and CSR over that of bitmap, against fill
  bytes.png     bytes per nonzero against fill, with the curves that the layouts predict
  roofline.png  SpMV GFLOP/s against flops per byte, with the measured read bandwidths as ceilings
  peers.png     from spmv.json: time of SpMV relative to the best other library, one bar a matrix
  spmm_density.png  from spmm.json: GFLOP/s against density, with the dense products and the peak
  spmm_peers.png    speed-up of SpMM over the best sparse product of another library, one bar a matrix
  tensor.png    from tensor.json: speed-up over the dense products, against sparsity
"""

import json
import math
import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt  # noqa: E402  (the backend is chosen first)
from matplotlib.ticker import FixedLocator, NullFormatter, ScalarFormatter  # noqa: E402

COLORS = {"COO": "#b0532a", "CSR": "#3b6fa0", "bitmap": "#2f8f5b"}
MARKERS = {"COO": "s", "CSR": "^", "bitmap": "o"}
FILLS = [1, 1.5, 2, 3, 4, 6, 8, 12, 16]
VALUE_BYTES = {"float": 4, "double": 8, "cfloat": 8, "cdouble": 16}


def fill_axis(axes):
    axes.set_xscale("log")
    axes.set_xlim(0.95, 17.5)
    axes.xaxis.set_major_locator(FixedLocator(FILLS))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("fill: stored entries per nonempty 4x4 tile")
    axes.grid(True, which="major", alpha=0.25)


def plain_log_y(axes, ticks):
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(FixedLocator(ticks))
    axes.yaxis.set_major_formatter(ScalarFormatter())
    axes.yaxis.set_minor_formatter(NullFormatter())


def finish(figure, conditions, path):
    caption = (
        f"{conditions['processor']}, {conditions['compiler']} {conditions['flags']}, "
        f"{conditions['isa']} kernels, {conditions['threads']} thread(s), "
        f"medians of {conditions['repetitions']}"
    )
    figure.text(0.01, 0.008, caption, fontsize=7, color="#555555")
    figure.tight_layout(rect=(0, 0.03, 1, 1))
    figure.savefig(path, dpi=130)
    plt.close(figure)


def draw_speedup(data, path):
    figure, panels = plt.subplots(1, 2, figsize=(11, 4.6), sharey=True)
    columns = data["conditions"]["spmm_columns"]
    for axes, key, title in (
        (panels[0], "spmv_s", "SpMV"),
        (panels[1], "spmm_s", f"SpMM, {columns} columns"),
    ):
        for other in ("COO", "CSR"):
            axes.scatter(
                [m["fill"] for m in data["matrices"]],
                [m["formats"][other][key] / m["formats"]["bitmap"][key] for m in data["matrices"]],
                s=26, alpha=0.8, color=COLORS[other], marker=MARKERS[other],
                label=f"time of {other} / time of bitmap",
            )
        axes.axhline(1, color="black", linewidth=0.8)
        axes.set_title(title)
        fill_axis(axes)
        plain_log_y(axes, [0.125, 0.25, 0.5, 1, 2, 4, 8, 16])
    panels[0].set_ylabel("speed-up of bitmap (above 1: bitmap is faster)")
    panels[0].legend(loc="upper left", frameon=False)
    finish(figure, data["conditions"], path)


def draw_bytes(data, path):
    types = sorted({m["type"] for m in data["matrices"]}, key=lambda t: VALUE_BYTES[t])
    figure, panels = plt.subplots(
        1, len(types), figsize=(5.5 * max(len(types), 1.3), 4.6), squeeze=False
    )
    for axes, kind in zip(panels[0], types):
        value = VALUE_BYTES[kind]
        fine = [1 + 0.05 * k for k in range(301)]
        axes.plot(fine, [value + 6 / f for f in fine], color=COLORS["bitmap"], linewidth=1,
                  label=f"bitmap: {value} + 6 / fill")
        axes.plot(fine, [value + 14 / f for f in fine], color=COLORS["bitmap"], linewidth=1,
                  linestyle=":", label=f"bitmap as a table of tiles: {value} + 14 / fill")
        axes.axhline(value + 4, color=COLORS["CSR"], linewidth=1,
                     label=f"CSR without row offsets: {value} + 4")
        axes.axhline(value + 8, color=COLORS["COO"], linewidth=1, label=f"COO: {value} + 8")
        for name in ("COO", "CSR", "bitmap"):
            chosen = [m for m in data["matrices"] if m["type"] == kind and m["nnz"] > 0]
            axes.scatter(
                [m["fill"] for m in chosen],
                [m["formats"][name]["bytes"] / m["nnz"] for m in chosen],
                s=22, alpha=0.75, color=COLORS[name], marker=MARKERS[name],
            )
        axes.set_title(f"{kind} values, 32-bit indices")
        axes.set_ylabel("bytes per nonzero")
        axes.set_ylim(value * 0.95, value + 15)
        fill_axis(axes)
        axes.legend(frameon=False, fontsize=8, loc="upper right")
    finish(figure, data["conditions"], path)


def draw_roofline(data, path):
    figure, axes = plt.subplots(figsize=(7.5, 5))
    points = []
    for name in ("COO", "CSR", "bitmap"):
        intensity = [m["flops"] / m["formats"][name]["spmv_bytes"] for m in data["matrices"]]
        speed = [m["formats"][name]["spmv_gflops"] for m in data["matrices"]]
        points += list(zip(intensity, speed))
        axes.scatter(intensity, speed, s=24, alpha=0.8, color=COLORS[name], marker=MARKERS[name],
                     label=name)
    low = min(p[0] for p in points) / 1.3
    high = max(p[0] for p in points) * 1.3
    chosen = [data["bandwidth"][0], data["bandwidth"][2], data["bandwidth"][-1]]
    for ceiling, style in zip(chosen, (":", "--", "-")):
        speed = ceiling["bytes_per_second"] * 1e-9
        size = ceiling["bytes"]
        label = f"{size / 2**20:.0f} MiB" if size >= 2**20 else f"{size / 2**10:.0f} KiB"
        axes.plot([low, high], [low * speed, high * speed], color="black", linewidth=1,
                  linestyle=style, label=f"reading {label}: {speed:.1f} GB/s")
    axes.set_xlim(low, high)
    axes.set_xscale("log")
    axes.set_yscale("log")
    ticks = [t for t in (0.05, 0.08, 0.1, 0.12, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5) if low < t < high]
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    plain_log_y(axes, [0.1, 0.2, 0.5, 1, 2, 5, 10, 20])
    axes.set_xlabel("flops per byte of matrix, x and y")
    axes.set_ylabel("SpMV GFLOP/s")
    axes.set_title("SpMV roofline")
    axes.grid(True, alpha=0.25)
    axes.legend(frameon=False, fontsize=8, loc="upper left", ncol=2)
    finish(figure, data["conditions"], path)


def draw_peers(data, path):
    names = [peer["name"] for peer in data["peers"]]
    figure, panels = plt.subplots(2, 1, figsize=(11, 8))
    for axes, kind in zip(panels, ("double", "float")):
        rows = [r for r in data["results"] if r["type"] == kind and r["threads"] == 1]
        rows.sort(key=lambda r: r["fill"])
        best = [min(r["seconds"][name] for name in names) for r in rows]
        for shift, name, color in ((-0.2, "bitmap", COLORS["bitmap"]), (0.2, "optimized", "#444444")):
            relative = [r["seconds"][name] / b for r, b in zip(rows, best)]
            axes.bar([k + shift for k in range(len(rows))], relative, width=0.4, color=color,
                     label="optimize(a)" if name == "optimized" else name)
        axes.axhline(1, color="black", linewidth=0.8)
        axes.set_xticks(range(len(rows)))
        axes.set_xticklabels([f"{r['name'][:20]}  {r['fill']:.1f}" for r in rows], rotation=90,
                             fontsize=6.5)
        axes.set_xlim(-0.7, len(rows) - 0.3)
        plain_log_y(axes, [0.25, 0.5, 1, 2, 4])
        axes.set_ylabel("time / best peer")
        axes.set_title(f"SpMV, {kind}: below 1 faster than the best of {', '.join(names)}; "
                       "matrices by fill", fontsize=10)
        axes.grid(True, axis="y", alpha=0.25)
        axes.legend(frameon=False, fontsize=8, loc="upper right")
    finish(figure, data["conditions"], path)


def sparse_peers(row):
    own = ("COO", "CSR", "bitmap", "optimized")
    return [n for n in row["seconds"] if n not in own and not n.endswith((" gemm", "^T", " A x"))]


def flops(row, seconds):
    return 2 * row["nnz"] * row["columns"] / seconds


def draw_spmm_density(data, path):
    rows = [r for r in data["results"] if r["threads"] == 1 and r["nnz"] > 0]
    kinds = [k for k in ("float", "double") if any(r["type"] == k for r in rows)]
    columns = sorted({r["columns"] for r in rows})
    columns = [n for n in columns if n in (32, 128, 512)] or columns[:3]
    figure, panels = plt.subplots(len(kinds), len(columns), squeeze=False, sharex=True, sharey="row",
                                  figsize=(4.6 * max(len(columns), 1.7), 3.9 * len(kinds)))
    for kind, line in zip(kinds, panels):
        peak = data["peak_flops"][kind] * 1e-9
        for n, axes in zip(columns, line):
            chosen = [r for r in rows if r["type"] == kind and r["columns"] == n]
            density = [r["nnz"] / (r["rows"] * r["inner"]) for r in chosen]
            best = [min((r["seconds"][p] for p in sparse_peers(r)), default=math.nan)
                    for r in chosen]
            axes.scatter(density, [flops(r, t) * 1e-9 for r, t in zip(chosen, best)], s=26,
                         alpha=0.8, color="#999999", marker="x", label="best other sparse library")
            for name, color, marker in (("bitmap", COLORS["bitmap"], "o"),
                                        ("optimized", "#444444", "D")):
                axes.scatter(density, [flops(r, r["seconds"][name]) * 1e-9 for r in chosen], s=22,
                             alpha=0.8, color=color, marker=marker,
                             label="optimize(a)" if name == "optimized" else name)
            # Of a dense product, density is the useful share. The line takes the fastest rate of all.
            dense = [r["rows"] * r["inner"] * 2 * n / t * 1e-9 for r in chosen
                     for p, t in r["seconds"].items() if p.endswith(" gemm")]
            if density and dense:
                ends = [min(density) / 1.5, 1]
                axes.plot(ends, [d * max(dense) for d in ends], color=COLORS["CSR"], linewidth=1,
                          label=f"dense product, {max(dense):.0f} GFLOP/s")
            axes.axhline(peak, color="black", linewidth=0.8, linestyle="--",
                         label=f"peak of one core, {peak:.0f} GFLOP/s")
            axes.set_xscale("log")
            plain_log_y(axes, [0.5, 1, 2, 5, 10, 20, 50, 100, 200])
            axes.set_ylim(0.5, peak * 1.3)
            axes.set_title(f"{kind}, {n} columns", fontsize=10)
            axes.grid(True, alpha=0.25)
            axes.legend(frameon=False, fontsize=7, loc="lower right")
        line[0].set_ylabel("useful GFLOP/s")
    for axes in panels[-1]:
        axes.set_xlabel("density: stored entries over rows x columns")
    finish(figure, data["conditions"], path)


def draw_spmm_peers(data, path):
    rows = [r for r in data["results"] if r["threads"] == 1 and r["nnz"] > 0 and sparse_peers(r)]
    if not rows:
        return
    kinds = [k for k in ("float", "double") if any(r["type"] == k for r in rows)]
    figure, panels = plt.subplots(len(kinds), 1, figsize=(11, 4.2 * len(kinds)), squeeze=False)
    for kind, (axes,) in zip(kinds, panels):
        # One bar a matrix: the geometric mean over the numbers of columns.
        matrices = {}
        for r in rows:
            if r["type"] == kind:
                matrices.setdefault((r["fill"], r["name"]), []).append(r)
        names = sorted(matrices)
        for shift, name, color in ((-0.2, "bitmap", COLORS["bitmap"]), (0.2, "optimized", "#444444")):
            speedups = []
            for key in names:
                logs = [math.log(min(r["seconds"][p] for p in sparse_peers(r)) / r["seconds"][name])
                        for r in matrices[key]]
                speedups.append(math.exp(sum(logs) / len(logs)))
            axes.bar([k + shift for k in range(len(names))], [v - 1 for v in speedups], bottom=1,
                     width=0.4, color=color,
                     label="optimize(a)" if name == "optimized" else name)
        axes.axhline(1, color="black", linewidth=0.8)
        axes.set_xticks(range(len(names)))
        axes.set_xticklabels([f"{name[:20]}  {fill:.1f}" for fill, name in names], rotation=90,
                             fontsize=6.5)
        axes.set_xlim(-0.7, len(names) - 0.3)
        plain_log_y(axes, [0.25, 0.5, 1, 2, 4])
        axes.set_ylabel("time of the best peer / ours")
        peers = ", ".join(p["name"] for p in data["peers"] if not p["dense"])
        axes.set_title(f"SpMM, {kind}: above 1 faster than the best of {peers}; geometric means over "
                       "N; matrices by fill", fontsize=9)
        axes.grid(True, axis="y", alpha=0.25)
        axes.legend(frameon=False, fontsize=8, loc="upper left")
    finish(figure, data["conditions"], path)


def geometric_mean(values):
    return math.exp(sum(math.log(v) for v in values) / len(values))


def draw_tensor(data, path):
    rows = [r for r in data["results"] if r["threads"] == 1]
    kinds = [k for k in ("bf16", "int8") if any(r["type"] == k for r in rows)]
    forms = (("grid", "bitmap grid"), ("optimized", "optimize(grid)"))
    dense = [p["name"] for p in data["peers"]]
    # One line for each batch; batch 1 twice, with the weights from memory and from a cache.
    cases = sorted({(r["batch"], not r["from_memory"]) for r in rows})
    colors = plt.get_cmap("viridis")
    figure, panels = plt.subplots(len(forms), len(kinds), squeeze=False, sharex=True, sharey=True,
                                  figsize=(5.2 * max(len(kinds), 1.5), 3.9 * len(forms)))
    for (form, title), line in zip(forms, panels):
        for kind, axes in zip(kinds, line):
            for k, (batch, cached) in enumerate(cases):
                ratios = {}
                for r in rows:
                    if (r["type"], r["batch"], not r["from_memory"]) != (kind, batch, cached):
                        continue
                    best = min((r["seconds"][p] for p in dense if p in r["seconds"]), default=None)
                    if best is not None:
                        ratios.setdefault(100 * r["sparsity"], []).append(best / r["seconds"][form])
                if not ratios:
                    continue
                axes.plot(sorted(ratios), [geometric_mean(ratios[s]) for s in sorted(ratios)],
                          marker="o", markersize=3.5, linewidth=1.2,
                          color=colors(0.9 * k / max(len(cases) - 1, 1)),
                          linestyle="-" if cached else "--",
                          label=f"batch {batch}" + ("" if cached else ", weights from memory"))
            axes.axhline(1, color="black", linewidth=0.8)
            plain_log_y(axes, [0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 1.4, 2, 3, 5, 10, 20])
            axes.set_title(f"{kind}, {title}", fontsize=10)
            axes.grid(True, alpha=0.25)
        line[0].set_ylabel("time of the best dense oneDNN / ours")
    panels[0][-1].legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.01, 1))
    for axes in panels[-1]:
        axes.set_xlabel("sparsity of the weights, %")
    finish(figure, data["conditions"], path)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    data = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    if data.get("benchmark") == "spmm":
        pictures = ((draw_spmm_density, "spmm_density.png"), (draw_spmm_peers, "spmm_peers.png"))
    elif data.get("benchmark") == "tensor":
        pictures = ((draw_tensor, "tensor.png"),) if data["results"] and data["peers"] else ()
    elif "matrices" in data:
        pictures = ((draw_speedup, "speedup.png"), (draw_bytes, "bytes.png"),
                    (draw_roofline, "roofline.png"))
    else:
        pictures = ((draw_peers, "peers.png"),)
    for draw, name in pictures:
        draw(data, folder / name)
        print(folder / name)


if __name__ == "__main__":
    main()
