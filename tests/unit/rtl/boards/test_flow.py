"""From gates to bitstreams with the tools from pip, for a bridge with its memory and no machine: every step of the flow in seconds."""

from pathlib import Path

import pytest
from amaranth.hdl import Elaboratable, Module
from amaranth_boards.ice40_hx8k_b_evn import ICE40HX8KBEVNPlatform
from amaranth_boards.ulx3s import ULX3S_85F_Platform

from hwsim.spec.errors import BuildError
from hwsim.spec.load import load_machine
from rtl.boards import tools
from rtl.boards.build import BOARDS
from rtl.boards.flow import FAMILIES, Routed, hurried, renamed, route
from rtl.boards.ram import Ram
from rtl.boards.serial import Receiver

SPEC = load_machine("tiny4").with_(memory__latency_cycles=1)


class Loaded(Elaboratable):
    """Bytes of the line go through a RAM to a LED."""

    def elaborate(self, platform):
        m = Module()
        m.submodules.receiver, m.submodules.ram = receiver, ram = Receiver(8), Ram(SPEC, 1 << 10)
        pins, led, request = platform.request("uart"), platform.request("led"), ram.i_request
        m.d.comb += [
            receiver.i.eq(pins.rx.i),
            receiver.o.ready.eq(1),
            request.valid.eq(receiver.o.valid),
            request.payload.write.eq(receiver.o.payload.bad),
            request.payload.mask.eq(receiver.o.payload.byte),
            request.payload.address.eq(receiver.o.payload.byte << 2),
            request.payload.data.eq(receiver.o.payload.byte.replicate(8)),
            led.o.eq(ram.o_response.payload.xor()),
        ]
        return m


@pytest.mark.parametrize(
    ("board", "platform", "constraints"),
    [("ulx3s-85f", ULX3S_85F_Platform, "top.lpf"), ("hx8k-evn", ICE40HX8KBEVNPlatform, "top.pcf")],
)
def test_a_small_design_becomes_the_same_bitstream_twice(
    board: str, platform: type, constraints: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENFPGALOADER", "true")
    build, family = platform().build(Loaded(), name="top", do_build=False), FAMILIES[BOARDS[board].family]
    made, stages = [], []
    for n in range(2):
        folder = tmp_path / str(n)
        folder.mkdir()
        (folder / "top.il").write_text(renamed(build.files["top.il"]))
        (folder / constraints).write_text(hurried(build.files[constraints]))
        routed = route(folder, family, BOARDS[board].device.split(), lambda stage, done, total: stages.append(stage), BOARDS[board].options)
        made.append((routed, (folder / family.bitstream.split()[-1]).read_bytes()))
    assert made[0] == made[1] and len(made[0][1]) > 10_000
    routed = made[0][0]
    assert isinstance(routed, Routed) and routed.fmax_mhz > 40
    assert 0 < routed.used["lut"] < routed.available["lut"] and 0 < routed.used["bram"] < routed.available["bram"]
    plan = ["floorplan"] if family.planned else []
    assert dict.fromkeys(stages) == dict.fromkeys(["synthesise", *plan, "place and route", "pack"])


def test_what_a_tool_says_last_is_the_error(tmp_path: Path) -> None:
    (tmp_path / "top.ys").write_text("read_rtlil none.il\n")
    with pytest.raises(BuildError, match=r"^yosys: gives up: .*none\.il.*; take a smaller machine or a larger board$"):
        tools.run("yosys", tmp_path, "top.ys")


def test_names_of_elements_lose_their_brackets_and_slices_keep_them() -> None:
    text = 'wire width 8 \\a.b[3][12]\nassign \\y \\a.b[3][12] [7:4]\nattribute \\src "x[1].py:3"\n'
    assert renamed(text) == 'wire width 8 \\a.b.3.12\nassign \\y \\a.b.3.12 [7:4]\nattribute \\src "x[1].py:3"\n'


def test_the_clock_of_the_constraints_is_one_to_strive_for() -> None:
    text = 'LOCATE COMP "clk25_0__io" SITE "G2";\nFREQUENCY PORT "clk25_0__io" 25000000.0 HZ;\n'
    assert hurried(text) == 'LOCATE COMP "clk25_0__io" SITE "G2";\nFREQUENCY PORT "clk25_0__io" 80 MHZ;\n'
    assert hurried("set_io clk J3\n") == "set_io clk J3\n"
