"""The providers that the sandbox stands in for."""

from __future__ import annotations

from connectors.sandbox.base import Provider
from connectors.sandbox.datatalks import DataTalks
from connectors.sandbox.digitalonboarding import DigitalOnboarding
from connectors.sandbox.parcelvoy import Parcelvoy
from connectors.sandbox.salesmanago import Salesmanago
from connectors.sandbox.sendios import Sendios
from connectors.sandbox.webhook import Webhook

PROVIDERS: dict[str, type[Provider]] = {
    "datatalks": DataTalks,
    "digitalonboarding": DigitalOnboarding,
    "parcelvoy": Parcelvoy,
    "salesmanago": Salesmanago,
    "sendios": Sendios,
    "webhook": Webhook,
}
