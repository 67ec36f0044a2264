"""python -m unittest discover -s tools/results -p '*_test.py'"""

import sys
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
import goals
from goals_table import goals as all_goals
from goals_table import goals_table
from tables import markdown, tables_of

MACHINE = {"processor": "P", "instruction_set": "avx2", "cores": 2, "penumbra": "1"}


def summary(milliseconds: float) -> dict[str, float]:
    return {"p50_ms": milliseconds}


def cell(protected: float, plain: float) -> dict[str, object]:
    peer = summary(plain) | {"name": "plain", "version": "1", "precision": "float32", "includes": "all", "ratio": protected / plain}
    return {
        "command": "penumbra bench", "machine": MACHINE, "burst": summary(protected), "inside_ms": 10.0, "outside_ms": 30.0,
        "ratio": protected / plain, "peer": peer, "peers": [peer], "secure_memory_peak_bytes": 3 << 20,
    }  # fmt: skip


def rows_of(document: dict[str, object]) -> dict[tuple[str, str], list[str]]:
    return {(row[0], row[1]): row for row in goals_table(document)}


class Goals(unittest.TestCase):
    def test_says_what_is_reached(self) -> None:
        rows = rows_of({"cells": {"vgg16/shadownet": cell(30, 100), "resnet50/shadownet": cell(90, 100)}})
        what = "`shadownet` 1.2, pads, freivalds, to float32"
        self.assertEqual(rows[what, "vgg16"][2:5], ["<= 0.33", "0.30", "**yes**"])
        self.assertEqual(rows[what, "resnet50"][2:5], ["<= 0.75", "0.90", "no"])

    def test_least_values(self) -> None:
        in_flight = cell(100, 100) | {"in_flight": [{"ratio": 1.7}], "sustained_background": summary(250)}
        rows = rows_of({"cells": {"vgg16/two in flight": in_flight}})
        self.assertEqual(rows["two requests in flight, to one", "vgg16"][2:5], [">= 1.60", "1.70", "**yes**"])
        self.assertEqual(rows["rate with pads made meanwhile, to that with pads ready", "vgg16"][3:5], ["0.40", "no"])

    def test_slalom_is_compared_with_shadownet_by_the_same_peer(self) -> None:
        rows = rows_of({"cells": {"vgg16/shadownet": cell(50, 100), "vgg16/slalom": cell(60, 200)}})
        self.assertEqual(rows["`slalom` to `shadownet`", "vgg16"][3:5], ["0.60", "**yes**"])

    def test_what_was_not_measured_has_no_row(self) -> None:
        self.assertEqual(len(list(goals_table({"cells": {}}))), 1)

    def test_every_goal_has_a_cell_that_is_measured(self) -> None:
        measured = {one.key for one in goals.cells()} | {"vgg16/convolutions"}
        for goal in all_goals():
            self.assertIn(f"{goal.network}/{goal.cell}", measured)

    def test_only_names_what_is_measured_again(self) -> None:
        known = {"a/b": {}}
        self.assertFalse(goals.wanted("a/b", None, known))
        self.assertTrue(goals.wanted("a/c", None, known))
        self.assertTrue(goals.wanted("a/b", "a/*", known))
        self.assertFalse(goals.wanted("c/b", "a/*", known))


class Tables(unittest.TestCase):
    def test_markdown_names_the_machine(self) -> None:
        text = markdown("goals", {"cells": {"vgg16/shadownet": cell(30, 100)}})
        self.assertTrue(text.startswith("P, avx2, 2 cores, penumbra 1; 1 thread."))
        self.assertIn("| **yes** |", text)

    def test_the_paper_metric_stands_beside_the_attack(self) -> None:
        ratios = [{"ratio": ratio, "sum_bits": 100 * ratio, "least_layer_bits": 9} for ratio in (1.0, 1.2, 2.0)]
        metric = {"ratios": ratios, "layers": [{}, {}], "filters": 8, "recovered": 7, "attack_ms": 1.6}
        document = {"machine": MACHINE, "cells": {"paper metric/a": {"kind": "paper metric", "network": "a", "paper_metric": metric}}}
        self.assertIn("| a | 2 | 100 | 120 | 200 | 9 | 7 of 8 | 2 |", markdown("metric", document))

    def test_each_kind_of_file_has_its_tables(self) -> None:
        self.assertEqual(tables_of({"presets": []}), ("presets",))
        self.assertIn("theta", tables_of({"paper": "soter", "cells": {}}))
        self.assertIn("goals", tables_of({"cells": {}}))


if __name__ == "__main__":
    unittest.main()
