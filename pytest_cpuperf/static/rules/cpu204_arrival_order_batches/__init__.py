"""CPU204 arrival-order-batches."""

from pytest_cpuperf.static.rules.cpu204_arrival_order_batches.rule import ArrivalOrderBatches

__all__ = ["ArrivalOrderBatches"]
