"""A Vivado project for boards that no open tool places and routes: Verilog with AXI ports, constraints, and the script that builds it.

The host reaches memory and registers over PCIe. Memory is UltraRAM, which needs no pins; a machine that wants more puts a DRAM controller
in the place of `memory`. Pins: constraint files that the boards' makers and users publish, to be held against the board's own.
"""

from dataclasses import dataclass

from hwsim.spec.errors import BuildError
from hwsim.spec.machine import AcceleratorSpec
from rtl.axi.channels import control_ports, memory_ports
from rtl.axi.control import REGISTERS
from rtl.axi.top import AxiTop
from rtl.verilog import to_verilog

PCIE_CLOCK_MHZ = 250.0  # of the DMA's bus at Gen3 x16
CONTROL_BITS = 16  # address bits of the window of registers
WIRES = """
connect_bd_intf_net [get_bd_intf_ports pcie_refclk] [get_bd_intf_pins refclk/CLK_IN_D]
connect_bd_intf_net [get_bd_intf_ports pci_express] [get_bd_intf_pins pcie/pcie_mgt]
connect_bd_intf_net [get_bd_intf_pins pcie/M_AXI] [get_bd_intf_pins data/S00_AXI]
connect_bd_intf_net [get_bd_intf_pins machine/m_axi] [get_bd_intf_pins data/S01_AXI]
connect_bd_intf_net [get_bd_intf_pins data/M00_AXI] [get_bd_intf_pins controller/S_AXI]
connect_bd_intf_net [get_bd_intf_pins controller/BRAM_PORTA] [get_bd_intf_pins memory/BRAM_PORTA]
connect_bd_intf_net [get_bd_intf_pins pcie/M_AXI_LITE] [get_bd_intf_pins control/S00_AXI]
connect_bd_intf_net [get_bd_intf_pins control/M00_AXI] [get_bd_intf_pins machine/s_axi]
connect_bd_net [get_bd_pins refclk/IBUF_OUT] [get_bd_pins pcie/sys_clk_gt]
connect_bd_net [get_bd_pins refclk/IBUF_DS_ODIV2] [get_bd_pins pcie/sys_clk]
connect_bd_net [get_bd_ports pcie_perstn] [get_bd_pins pcie/sys_rst_n]
connect_bd_net [get_bd_pins pcie/axi_aclk] [get_bd_pins clock/clk_in1] [get_bd_pins data/aclk] [get_bd_pins control/aclk]
connect_bd_net [get_bd_pins pcie/axi_aresetn] [get_bd_pins clock/resetn] [get_bd_pins data/aresetn] [get_bd_pins control/aresetn] \\
  [get_bd_pins reset/ext_reset_in]
connect_bd_net [get_bd_pins clock/clk_out1] [get_bd_pins machine/aclk] [get_bd_pins data/aclk1] [get_bd_pins control/aclk1] \\
  [get_bd_pins controller/s_axi_aclk] [get_bd_pins reset/slowest_sync_clk]
connect_bd_net [get_bd_pins clock/locked] [get_bd_pins reset/dcm_locked]
connect_bd_net [get_bd_pins reset/peripheral_aresetn] [get_bd_pins machine/aresetn] [get_bd_pins controller/s_axi_aresetn]
connect_bd_net [get_bd_pins machine/interrupt] [get_bd_pins pcie/usr_irq_req]
"""
RUN = """validate_bd_design
save_bd_design
make_wrapper -files [get_files system.bd] -top -import
set_property top system_wrapper [current_fileset]

launch_runs impl_1 -to_step write_bitstream -jobs 4
wait_on_run impl_1
open_run impl_1
report_timing_summary -file timing.rpt
report_utilization -hierarchical -file utilization.rpt
"""


@dataclass(frozen=True)
class VivadoBoard:
    """`clock_pins`: positive and negative pin of the 100 MHz reference of PCIe; `block`: the PCIe block at the edge connector."""

    part: str
    clock_pins: tuple[str, str]
    reset_pin: str
    block: str
    memory_bits: int


VIVADO_BOARDS = {
    "vcu1525": VivadoBoard("xcvu9p-fsgd2104-2L-e", ("AM11", "AM10"), "BD21", "X1Y2", 1 << 25),
    "u280": VivadoBoard("xcu280-fsvh2892-2L-e", ("AR15", "AR14"), "BH26", "PCIE4C_X1Y0", 1 << 25),
}


def project(spec: AcceleratorSpec, board: str, memory_bits: int | None = None) -> dict[str, str]:
    """The files by name. `vivado -mode batch -source build.tcl` makes the bitstream."""
    kind = VIVADO_BOARDS[board]
    bits = kind.memory_bits if memory_bits is None else memory_bits
    if bits & (bits - 1) or not 1 << 16 <= bits <= 1 << 27:
        raise BuildError(f"memory: {bits} bits; use a power of two from {1 << 16} to {1 << 27}")
    return {
        "machine.v": to_verilog(AxiTop(spec), "hwsim_machine"),
        "hwsim_axi.v": wrapper(spec),
        f"{board}.xdc": constraints(spec, kind),
        "build.tcl": script(spec, board, kind, bits),
    }


def refuse_options(board: str, **given: int | None) -> None:
    for name, value in given.items():
        if value is not None:
            raise BuildError(f"{name}: {board} has no serial line of ours, and Vivado places it; leave --{name} out")


def wrapper(spec: AcceleratorSpec) -> str:
    """Clock and reset as block designs want them, and which buses they belong to."""
    members = {**memory_ports(spec), **control_ports()}
    ports = [f"  {m.flow.name.lower()}put [{m.shape - 1}:0] {name}" for name, m in members.items()]
    links = [f"    .{name}({name})" for name in members]
    listed, linked = ",\n".join(ports), ",\n".join(links)
    about = "ASSOCIATED_BUSIF m_axi:s_axi, ASSOCIATED_RESET aresetn"
    return (
        "`default_nettype none\nmodule hwsim_axi (\n"
        f'  (* X_INTERFACE_PARAMETER = "{about}" *)\n  input aclk,\n  input aresetn,\n  output interrupt,\n{listed}\n);\n'
        f"  hwsim_machine machine (\n    .clk(aclk),\n    .rst(~aresetn),\n    .o_interrupt(interrupt),\n{linked}\n  );\nendmodule\n"
        "`default_nettype wire\n"
    )


def constraints(spec: AcceleratorSpec, kind: VivadoBoard) -> str:
    positive, negative = kind.clock_pins
    return f"""# the machine's clock is made from PCIe's by `clock` in build.tcl: {spec.clock_mhz:g} MHz
set_property PACKAGE_PIN {positive} [get_ports pcie_refclk_clk_p]
set_property PACKAGE_PIN {negative} [get_ports pcie_refclk_clk_n]
create_clock -period 10.000 -name pcie_refclk [get_ports pcie_refclk_clk_p]
set_property -dict {{PACKAGE_PIN {kind.reset_pin} IOSTANDARD LVCMOS12 PULLUP true}} [get_ports pcie_perstn]
set_false_path -from [get_ports pcie_perstn]
set_property BITSTREAM.GENERAL.COMPRESS true [current_design]
"""


def script(spec: AcceleratorSpec, board: str, kind: VivadoBoard, memory_bits: int) -> str:
    registers = "\n".join(f"#   {r.address:#04x} {r.name}: {r.what}" for r in REGISTERS)
    return f"""# {spec.name} ({spec.digest}) on {board}: vivado -mode batch -source build.tcl
# Memory: {memory_bits // 8} bytes from 0 on, over the DMA of PCIe. Registers, behind BAR 0:
{registers}
create_project {spec.name} vivado -part {kind.part} -force
add_files -norecurse {{machine.v hwsim_axi.v}}
add_files -fileset constrs_1 -norecurse {board}.xdc
update_compile_order -fileset sources_1
create_bd_design system
{_cells(spec, kind)}{WIRES}{_addresses(memory_bits // 8)}{RUN}"""


def _cells(spec: AcceleratorSpec, kind: VivadoBoard) -> str:
    return f"""
create_bd_intf_port -mode Slave -vlnv xilinx.com:interface:diff_clock_rtl:1.0 pcie_refclk
create_bd_intf_port -mode Master -vlnv xilinx.com:interface:pcie_7x_mgt_rtl:1.0 pci_express
create_bd_port -dir I -type rst pcie_perstn
set_property CONFIG.FREQ_HZ 100000000 [get_bd_intf_ports pcie_refclk]
set_property CONFIG.POLARITY ACTIVE_LOW [get_bd_ports pcie_perstn]

create_bd_cell -type ip -vlnv xilinx.com:ip:util_ds_buf refclk
set_property CONFIG.C_BUF_TYPE IBUFDSGTE [get_bd_cells refclk]
create_bd_cell -type ip -vlnv xilinx.com:ip:xdma pcie
set_property -dict {{
  CONFIG.mode_selection Advanced CONFIG.pcie_blk_locn {kind.block}
  CONFIG.pl_link_cap_max_link_speed 8.0_GT/s CONFIG.pl_link_cap_max_link_width X16
  CONFIG.axi_data_width 512_bit CONFIG.axisten_freq {PCIE_CLOCK_MHZ:g} CONFIG.xdma_axi_intf_mm AXI_Memory_Mapped
  CONFIG.axilite_master_en true CONFIG.axilite_master_size {(1 << CONTROL_BITS) >> 10} CONFIG.axilite_master_scale Kilobytes
}} [get_bd_cells pcie]
create_bd_cell -type ip -vlnv xilinx.com:ip:clk_wiz clock
set_property -dict {{
  CONFIG.PRIM_SOURCE No_buffer CONFIG.PRIM_IN_FREQ {PCIE_CLOCK_MHZ:g} CONFIG.CLKOUT1_REQUESTED_OUT_FREQ {spec.clock_mhz:g}
  CONFIG.RESET_TYPE ACTIVE_LOW
}} [get_bd_cells clock]
create_bd_cell -type ip -vlnv xilinx.com:ip:proc_sys_reset reset
create_bd_cell -type module -reference hwsim_axi machine
create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect data
set_property -dict {{CONFIG.NUM_SI 2 CONFIG.NUM_MI 1 CONFIG.NUM_CLKS 2}} [get_bd_cells data]
create_bd_cell -type ip -vlnv xilinx.com:ip:smartconnect control
set_property -dict {{CONFIG.NUM_SI 1 CONFIG.NUM_MI 1 CONFIG.NUM_CLKS 2}} [get_bd_cells control]
create_bd_cell -type ip -vlnv xilinx.com:ip:axi_bram_ctrl controller
set_property -dict {{CONFIG.DATA_WIDTH {spec.memory.width_bits} CONFIG.SINGLE_PORT_BRAM 1}} [get_bd_cells controller]
create_bd_cell -type ip -vlnv xilinx.com:ip:blk_mem_gen memory
set_property CONFIG.PRIM_type_to_Implement URAM [get_bd_cells memory]
"""


def _addresses(size: int) -> str:
    return f"""
assign_bd_address -offset 0x0 -range {size} -target_address_space [get_bd_addr_spaces pcie/M_AXI] \\
  [get_bd_addr_segs controller/S_AXI/Mem0]
assign_bd_address -offset 0x0 -range {size} -target_address_space [get_bd_addr_spaces machine/m_axi] \\
  [get_bd_addr_segs controller/S_AXI/Mem0]
assign_bd_address -offset 0x0 -range {1 << CONTROL_BITS} -target_address_space [get_bd_addr_spaces pcie/M_AXI_LITE] \\
  [get_bd_addr_segs machine/s_axi/reg0]
"""
