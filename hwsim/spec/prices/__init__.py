"""Prices: pJ an action and um2 a block, as data with sources. `price_table(technology)` is the door; docs/prices.md is the page."""

from hwsim.spec.prices.ranges import Priced
from hwsim.spec.prices.table import PriceTable, price_names, price_table
from hwsim.spec.prices.thread import thread_energy_pj

__all__ = ["PriceTable", "Priced", "price_names", "price_table", "thread_energy_pj"]
