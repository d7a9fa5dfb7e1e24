"""Prices: pJ an action and um2 a block, as data with sources. `price_table(technology)` is the door; docs/prices.md is the page."""

from hwsim.spec.prices.ranges import Priced
from hwsim.spec.prices.table import PriceTable, price_names, price_table

__all__ = ["PriceTable", "Priced", "price_names", "price_table"]
