"""Results as Markdown."""

from collections.abc import Iterator

from benchmarks.gpu.found import DONE, Found


def as_markdown(found: Found) -> str:
    """Return the page: the machine, the tests, products' rates, and a row for each size and switch."""
    return "\n".join([*_machine(found), *_tests(found), *_products(found), *_rows(found), *_missing(found)]) + "\n"


def _machine(found: Found) -> Iterator[str]:
    yield "# What the GPU did\n"
    yield "\n".join(f"- {name}: {words}" for name, words in found.machine.items())


def _tests(found: Found) -> Iterator[str]:
    if "tests" in found.outcomes:
        counted = {name: n for name, n in found.outcomes["tests"].values.items() if name != "failures"}
        said = ", ".join(f"{n} {name}" for name, n in counted.items()) or found.outcomes["tests"].note
        yield f"\nTests for a GPU: {said}."
        yield from (f"- {failure}" for failure in found.outcomes["tests"].values.get("failures", []))


def _products(found: Found) -> Iterator[str]:
    rates = found.values("products")
    if rates:
        sides = list(next(iter(rates.values())))
        yield "\n| product, TFLOP/s | " + " | ".join(f"{side}^3" for side in sides) + " |"
        yield "|---|" + "---|" * len(sides)
        for name, by_side in rates.items():
            yield f"| {name} | " + " | ".join(f"{by_side[side]:.3g}" for side in sides) + " |"


def _rows(found: Found) -> Iterator[str]:
    rows = {name: outcome.values for name, outcome in found.outcomes.items() if "memory_mb" in outcome.values}
    if not rows:
        return
    bf16 = found.values("products").get("bf16", {})
    best = max(bf16.values(), default=0.0)
    yield "\n| size, row | frames/s | seconds | peak MB | TFLOP/s | of the bf16 product | PSNR to fp32, dB |"
    yield "|---|---|---|---|---|---|---|"
    for name, row in rows.items():
        gflop = sum(found.values(f"operations {name.split()[0]}").values())
        rate = gflop / row["seconds"] / 1000
        share = f"{rate / best:.1%}" if best and gflop else ""
        exact = row.get("psnr_db")
        psnr = "" if exact is None else exact if isinstance(exact, str) else f"{exact:.1f}"
        speed = f"{row['frames'] / row['seconds']:.2f} | {row['seconds']:.2f}"
        yield f"| {name} | {speed} | {row['memory_mb']:.0f} | {f'{rate:.2f}' if gflop else ''} | {share} | {psnr} |"
    for name, row in rows.items():
        if row.get("note"):
            yield f"\n{name}: {row['note']}"


def _missing(found: Found) -> Iterator[str]:
    for name, outcome in found.outcomes.items():
        if outcome.state != DONE and name != "tests":
            yield f"\n{name}: {outcome.state}: {outcome.note}"
