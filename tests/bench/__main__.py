"""`python -m tests.bench [--quick] [--only NAME …] [--json FILE]`: the product beside its controls, in one run.

Every load is verified: a figure is told only when each record has reached each of its destinations. Machines are shared
and noisy, so what counts are the ratios to the controls, and the CPU for a record.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench import chart, report
from tests.bench.ground import Ground
from tests.bench.long import LONG
from tests.bench.scenarios import FULL, QUICK, USUAL, plain

SCENARIOS = {**USUAL, **LONG}
RESULTS = Path(__file__).with_name("results")


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    told: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "machine": report.machine()}
    loads: dict[str, Any] = {}
    with Ground(options.database, options.broker) as ground:
        for name in options.only or USUAL:
            found = plain(SCENARIOS[name](ground, QUICK if options.quick else FULL))
            loads.update(found)
            print("\n".join(report.lines(found)), flush=True)
    told |= {"quick": options.quick, "loads": loads, "bar": [] if options.quick else report.answers(loads)}
    print("\n".join(report.bar_lines(told["bar"])))
    if options.json:
        _keep(options.json, told)
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--quick", action="store_true", help="a few records each: proves that it runs, measures nothing"
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=[*SCENARIOS],
        metavar="NAME",
        help=f"of {', '.join(USUAL)}; and of {', '.join(LONG)}, which take long and are not run unless named",
    )
    parser.add_argument("--json", type=Path, help=f"where the figures go, with a chart beside them: {RESULTS.name}/…")
    parser.add_argument("--database", help="a PostgreSQL server of your own (URL) instead of an embedded one")
    parser.add_argument(
        "--broker", help="a Redis or Valkey of your own (URL), which is emptied, instead of an embedded one"
    )
    return parser.parse_args(arguments)


def _keep(file: Path, told: dict[str, Any]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    on = told["machine"]
    caption = (
        f"{told['at'][:10]} · {on['cores']} cores, {on['cpu']} · Python {on['python']} · everything on one machine"
    )
    if drawn := chart.draw(told["loads"], caption):
        file.with_suffix(".svg").write_text(drawn, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
