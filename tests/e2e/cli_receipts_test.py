#!/usr/bin/env python3
"""Receipts on the command line, and key files from before there were any."""

from cli_case import CliCase, main, write_npy


class CliReceipts(CliCase):
    bundles = ("plain", "mlcapsule")

    def test_receipts(self) -> None:
        bundle, nonce = self.scratch / "mlcapsule.penumbra", "ab" * 32
        keys = self.scratch / "config" / "penumbra"
        device, vendor, out = keys / "device.pub", keys / "vendor.pub", self.scratch / "logits.npy"
        receipt = self.scratch / "receipt.cbor"
        run = ["run", bundle, "--input", self.frog, "--output", out]
        self.assertEqual(self.succeed_json(*run, "--receipt", receipt, "--nonce", nonce)["receipt"], str(receipt))
        only_signature = self.succeed_json("verify", receipt, "--device", device)
        self.assertEqual(only_signature["checked"], ["signature"])
        self.assertEqual(only_signature["not_checked"], ["nonce", "vendor", "bundle", "input", "output"])
        verify = ["verify", receipt, "--device", device, "--nonce", nonce, "--bundle", bundle, "--vendor", vendor]
        done = self.succeed_json(*verify, "--input", self.frog, "--output", out)
        self.assertEqual(done["not_checked"], [])
        self.assertEqual((done["nonce"], done["carrier"], done["software_tee"]), (nonce, "process", True))
        self.assertIn("no protection against this machine's owner", done["notice"])
        self.assertIn("no protection against this machine's owner", self.succeed(*verify).stdout)
        self.assertEqual(done["soundness_bits"], 0)

        # Each reason has its own words.
        self.refused("P602", 3, "another nonce", "verify", receipt, "--device", device, "--nonce", "00" * 32)
        self.refused("P602", 3, "another bundle", "verify", receipt, "--device", device, "--bundle",
                     self.scratch / "plain.penumbra")
        toad = sorted((self.data / "cifar10" / "test" / "frog").glob("*.jpg"))[1]
        self.refused("P602", 3, "another input", *verify, "--input", toad)
        other = self.scratch / "other.npy"
        write_npy(other, (1, 10), [0.0] * 10)
        self.refused("P602", 3, "another output", *verify, "--output", other)
        for kind in ("vendor", "device"):
            self.succeed("keygen", kind, "-o", self.scratch / f"receipt-stranger-{kind}.key")
        self.refused("P602", 3, "another device", "verify", receipt, "--device", self.scratch / "receipt-stranger-device.pub")
        self.refused("P602", 3, "another vendor", "verify", receipt, "--device", device, "--vendor",
                     self.scratch / "receipt-stranger-vendor.pub")
        altered = self.scratch / "altered.cbor"
        honest = receipt.read_bytes()
        for position in range(0, len(honest), 7):
            altered.write_bytes(honest[:position] + bytes([honest[position] ^ 4]) + honest[position + 1 :])
            self.refused("P602", 3, "", "verify", altered, "--device", device)
        altered.write_bytes(honest[:-1] + bytes([honest[-1] ^ 4]))
        self.refused("P602", 3, "was altered", "verify", altered, "--device", device)
        self.refused("P602", 3, "no penumbra receipt", "verify", self.frog, "--device", device)

        # Without what a receipt needs there is none.
        self.refused("P101", 2, "belong together", *run, "--receipt", altered)
        self.refused("P101", 2, "64 hexadecimal", *run, "--receipt", altered, "--nonce", "abc")
        self.refused("P101", 2, "--bundle", "verify", receipt, "--device", device, "--output", out)
        nan, none = self.scratch / "nan.npy", self.scratch / "none.cbor"
        write_npy(nan, (1, 3, 32, 32), [float("nan")] * 3072)
        self.refused("P105", 1, "", "run", bundle, "--input", nan, "--receipt", none, "--nonce", nonce)
        self.assertFalse(none.exists())

    def test_old_device_files(self) -> None:
        key, receipt = self.scratch / "aged.key", self.scratch / "aged.cbor"
        self.succeed("keygen", "device", "-o", key)
        public = key.with_suffix(".pub")
        blocks = public.read_text().split("-----BEGIN", 2)
        old, renewed = self.scratch / "old.pub", self.scratch / "renewed.pub"
        old.write_text("-----BEGIN" + blocks[1])
        bundle = self.scratch / "aged.penumbra"
        self.succeed("protect", self.model, "-o", bundle, "--preset", "plain", "--device", old)
        zeros = self.scratch / "zeros.npy"
        write_npy(zeros, (1, 3, 32, 32), [0.0] * 3072)
        self.succeed("run", bundle, "--input", zeros, "--device", key, "--receipt", receipt, "--nonce", "00" * 32)
        self.refused("P205", 1, "keygen device --from", "verify", receipt, "--device", old)
        self.succeed("keygen", "device", "--from", key, "-o", renewed)
        self.assertEqual(renewed.read_text(), public.read_text())
        self.succeed("verify", receipt, "--device", renewed)
        self.refused("P203", 1, "never overwritten", "keygen", "device", "--from", key)


if __name__ == "__main__":
    main()
