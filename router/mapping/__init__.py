"""The mapping engine: checked files in, plain functions out. Pure: no database, no network, no connector."""

from router.mapping.build import compile_set
from router.mapping.config import Budget, ClientConfig, Group, Integration, OnUnknown, Setting, Webhook
from router.mapping.contract import Contract, Field, Problem, Reference
from router.mapping.document import digest, files_in, from_bytes, read_tree, to_bytes
from router.mapping.facts import ConnectorFacts, Connectors, OperationFacts
from router.mapping.faults import Broken, Fault, Severity
from router.mapping.kinds import Kind, Type
from router.mapping.load import Source
from router.mapping.sets import Entry, Mapped, MappingSet, Route, Skipped

__all__ = [
    "Broken",
    "Budget",
    "ClientConfig",
    "ConnectorFacts",
    "Connectors",
    "Contract",
    "Entry",
    "Fault",
    "Field",
    "Group",
    "Integration",
    "Kind",
    "Mapped",
    "MappingSet",
    "OnUnknown",
    "OperationFacts",
    "Problem",
    "Reference",
    "Route",
    "Setting",
    "Severity",
    "Skipped",
    "Source",
    "Type",
    "Webhook",
    "compile_set",
    "digest",
    "files_in",
    "from_bytes",
    "read_tree",
    "to_bytes",
]
