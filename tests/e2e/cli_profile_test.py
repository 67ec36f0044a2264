#!/usr/bin/env python3
"""Traces of what each half did when, as trace viewers read them."""

import json
from itertools import pairwise

from cli_case import CliCase, main

Event = dict[str, object]


class CliProfile(CliCase):
    bundles = ("mlcapsule", "shadownet")

    def trace(self, bundle: str, *arguments: object) -> tuple[dict[str, list[Event]], dict[str, object]]:
        """Slices by track."""
        path = self.scratch / "trace.json"
        document = self.succeed_json(*arguments, "--profile", path)
        self.assertEqual(document["profile"], str(path))
        events = json.loads(path.read_text())["traceEvents"]
        names = {e["tid"]: e["args"]["name"] for e in events if e["name"] == "thread_name"}
        tracks: dict[str, list[Event]] = {name: [] for name in names.values()}
        for event in events:
            if event["ph"] == "X":
                tracks[names[event["tid"]]].append(event)
        return tracks, document

    def check_nesting(self, slices: list[Event]) -> None:
        """Of two slices one lies within the other, or they share no time (clocks are cut to nanoseconds)."""
        open_until: list[float] = []
        for event in sorted(slices, key=lambda e: (e["ts"], -e["dur"])):
            while open_until and open_until[-1] <= event["ts"] + 1e-3:
                open_until.pop()
            end = event["ts"] + event["dur"]
            if open_until:
                self.assertLessEqual(end, open_until[-1] + 1e-3)
            open_until.append(end)

    def run_frog(self, preset: str, *arguments: object) -> tuple[dict[str, list[Event]], dict[str, object]]:
        return self.trace(preset, "run", self.scratch / f"{preset}.penumbra", "--input", self.frog,
                          "--pad-bank-size", 0, *arguments)  # fmt: skip

    def test_both_halves_in_a_run(self) -> None:
        tracks, document = self.run_frog("shadownet", "--pads", 1)
        self.assertEqual(set(tracks), {"requests", "trusted half", "accelerator", "copies"})
        for slices in tracks.values():
            self.check_nesting(slices)
        self.assertEqual([e["name"] for e in tracks["requests"]], ["make a pad", "request"])
        pads, request = tracks["requests"]
        for track in ("trusted half", "accelerator", "copies"):
            for event in tracks[track]:
                owner = request if event["ts"] >= request["ts"] else pads
                self.assertGreaterEqual(event["ts"], owner["ts"])
                self.assertLessEqual(event["ts"] + event["dur"], owner["ts"] + owner["dur"] + 1e-3)
        segments = len(self.succeed_json("inspect", self.scratch / "shadownet.penumbra")["segments"])
        self.assertEqual(len(tracks["accelerator"]), segments)
        steps = [e for e in tracks["trusted half"] if e["name"] not in ("call", "make pads")]
        self.assertEqual(len(steps), segments + 1)  # before, between and after the jobs
        self.assertTrue(steps[0]["name"].startswith("input to "))
        self.assertTrue(steps[-1]["name"].endswith(" to output"))
        for earlier, later in pairwise(steps):
            self.assertEqual(earlier["name"].split(" to ")[1], later["name"].split(" to ")[0])

    def test_durations_make_up_the_request(self) -> None:
        largest_share = 0.0
        for _ in range(8):  # a busy machine takes the processor away between two slices
            tracks, document = self.run_frog("shadownet", "--pads", 1, "--carrier", "direct")
            request = tracks["requests"][-1]
            inside = [e for e in tracks["trusted half"] if e["name"] == "call"]
            parts = sum(
                e["dur"] for e in [*inside, *tracks["accelerator"], *tracks["copies"]] if e["ts"] >= request["ts"]
            )
            self.assertLessEqual(parts, request["dur"])
            self.assertLessEqual(request["dur"] * 1e3, document["stats"]["total_ns"])
            largest_share = max(largest_share, parts * 1e3 / document["stats"]["total_ns"])
            if largest_share > 0.9:
                break
        self.assertGreater(largest_share, 0.9)

    def test_names_are_for_whoever_has_the_key(self) -> None:
        tracks, _ = self.run_frog("shadownet")
        self.assertEqual({e["name"] for e in tracks["accelerator"]}, self.layers())

    def layers(self) -> set[str]:
        key = self.scratch / "config" / "penumbra" / "vendor.key"
        report = self.succeed_json("inspect", self.scratch / "shadownet.penumbra", "--vendor-key", key)["report"]
        for number, layer in enumerate(report["layers"]):
            self.assertEqual(layer["segment"], number if layer["placement"] == "public" else None)
        return {layer["name"] for layer in report["layers"] if layer["placement"] == "public"}

    def test_all_inside_has_one_step(self) -> None:
        tracks, _ = self.run_frog("mlcapsule")
        self.assertEqual(tracks["accelerator"], [])
        self.assertEqual([e["name"] for e in tracks["trusted half"] if e["name"] != "call"], ["input to output"])

    def test_bench_traces_further_requests(self) -> None:
        bench = ["bench", self.scratch / "shadownet.penumbra", "--peer", "none", "--warmup", 0, "--iterations", 1,
                 "--pad-bank-size", 0]  # fmt: skip
        tracks, document = self.trace("shadownet", *bench)
        self.assertEqual([e["name"] for e in tracks["requests"]], ["make a pad", "request"] * 3)
        self.assertEqual(document["iterations"], 1)
        self.assertIsNone(self.succeed_json(*bench)["profile"])

    def test_a_trace_that_cannot_be_written(self) -> None:
        self.refused("P205", 1, "no-such-folder", "run", self.scratch / "mlcapsule.penumbra", "--input", self.frog,
                     "--profile", self.scratch / "no-such-folder" / "trace.json")  # fmt: skip


if __name__ == "__main__":
    main()
