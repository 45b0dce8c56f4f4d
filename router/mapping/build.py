"""From files to a compiled set: what belongs where, and what the files must say of one another."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from router.mapping.clients import ClientReader
from router.mapping.config import Group
from router.mapping.contract import Contract, Profile
from router.mapping.declare import read_contract, read_tables
from router.mapping.document import CLIENT_FILE, digest
from router.mapping.facts import Connectors
from router.mapping.faults import Broken, Mark, Sheet, suggest
from router.mapping.kinds import Kind
from router.mapping.load import Node, Source, parse
from router.mapping.routes import Written, routes_of
from router.mapping.schema import CLIENT, FILE
from router.mapping.sets import Entry, MappingSet
from router.mapping.shapes import Shape

LOWERED = frozenset({Kind.EMAIL, Kind.UUID})  # compared in another form than they are sent in


def compile_set(sources: Iterable[Source], connectors: Connectors) -> MappingSet:
    """The set made ready for use; raises `Broken` with every fault when there is an error in it."""
    sheet = Sheet()
    built, _ = build(tuple(sources), connectors, sheet)
    if errors := sheet.errors():
        raise Broken(errors)
    return built


def build(sources: Sequence[Source], connectors: Connectors, sheet: Sheet) -> tuple[MappingSet, list[Written]]:
    """The set without its ill-formed parts, and the files it was made of; every fault on the sheet."""
    placed = list(_placed(sources, sheet))
    nodes: dict[str, Node] = {}
    for source, client, _group in placed:
        if source.path == f"{client}/{CLIENT_FILE}" and (node := _read(source, CLIENT, sheet)):
            nodes[client] = node
    clients = {name: ClientReader(name, connectors, sheet).read(node) for name, node in nodes.items()}
    files = list(_files(placed, sheet))
    _check_places(placed, nodes, sheet)
    _check_integrations(files, nodes, sheet)
    entries = {
        (client, key): _entries(files, client, group, connectors, sheet)
        for client, config in clients.items()
        for key, group in config.groups.items()
    }
    faulty = {fault.file for fault in sheet.errors()}
    wrong = {client for source, client, _ in placed if source.shown in faulty}
    in_use = {entry.file for by_key in entries.values() for entry in by_key.values()}
    for written in files:
        if written.client in clients.keys() - wrong:
            _check_use(written, written.file in in_use, sheet)
    return MappingSet(digest(sources), clients, entries), files


# ---- files in their places -------------------------------------------------------------------------------------------


def _placed(sources: Sequence[Source], sheet: Sheet) -> Iterator[tuple[Source, str, str]]:
    """Each file with its client and its group ("" for none), by its directories."""
    for source in sorted(sources, key=lambda one: one.path):
        start = Mark(source.shown)
        if not source.path.isprintable():
            sheet.error(start, "the file's name must be text that can be printed")
            continue
        match source.path.split("/"):
            case [client, name]:
                group = ""
            case [client, group, name]:
                pass
            case _:
                sheet.error(start, "a file belongs in a client's directory, or in that of one of the client's groups")
                continue
        if not name.endswith(".yaml"):
            sheet.error(start, f"the file's name must end with .yaml: {name.rpartition('.')[0]}.yaml")
            continue
        yield source, client, group


def _read(source: Source, shape: Shape, sheet: Sheet) -> Node | None:
    node = parse(source, sheet)
    return node and shape.read(node, sheet)


def _files(placed: Sequence[tuple[Source, str, str]], sheet: Sheet) -> Iterator[Written]:
    """The mapping files that have a contract; those that say the same twice are told and left out."""
    seen: dict[tuple[str, ...], str] = {}
    for source, client, group in placed:
        name = source.path.rpartition("/")[2]
        if name == CLIENT_FILE:
            if group:
                sheet.error(Mark(source.shown), f"{CLIENT_FILE} belongs in the client's directory")
            continue
        node = _read(source, FILE, sheet)
        contract = read_contract(node, sheet) if node else None
        if node is None or contract is None:
            continue
        title = ".".join(filter(None, (contract.entity, contract.type)))
        key = (client, group, title)
        if key in seen:
            sheet.error(node.at, f"{title.replace('.', ' ', 1)} is already in {seen[key]}")
            continue
        if name != f"{title}.yaml":
            sheet.error(node.at, f"the file holds {title.replace('.', ' ', 1)}, so its name must be {title}.yaml")
        seen[key] = source.shown
        yield Written(source.shown, client, group, node, contract, read_tables(node, sheet))


def _check_places(placed: Sequence[tuple[Source, str, str]], clients: Mapping[str, Node], sheet: Sheet) -> None:
    """Every client has its file, and every group's directory its group."""
    paths = {source.path for source, _, _ in placed}
    told = set()
    for source, client, group in placed:
        if f"{client}/{CLIENT_FILE}" not in paths and client not in told:
            sheet.error(Mark(source.shown), f"client '{client}' has no {CLIENT_FILE}")
            told.add(client)
        known = [key for key, _ in clients[client].under("groups")] if client in clients else [group]
        if group and group not in known:
            sheet.error(Mark(source.shown), f"client '{client}' has no group '{group}'{suggest(group, known)}")


def _check_integrations(files: Sequence[Written], clients: Mapping[str, Node], sheet: Sheet) -> None:
    """Whatever is delivered to is an integration of the file's group, or of any group of the client."""
    for written in files:
        deliver = written.node.get("deliver")
        if deliver is None or written.client not in clients:
            continue
        groups = dict(clients[written.client].under("groups"))
        own = [groups[written.group]] if written.group in groups else groups.values()
        known = sorted({name for group in own for name, _ in group.under("integrations")})
        for name, _ in deliver.items():
            if name not in known:
                sheet.error(deliver.keys[name], f"unknown integration '{name}'{suggest(name, known)}")


# ---- one group -------------------------------------------------------------------------------------------------------


def _entries(
    files: Sequence[Written], client: str, group: Group, connectors: Connectors, sheet: Sheet
) -> dict[tuple[str, str], Entry]:
    """What a group may send: the client's files, and the group's own instead of those of the same entity and type."""
    chosen: dict[tuple[str, str], Written] = {}
    for written in sorted(files, key=lambda one: one.group):
        if written.client != client or written.group not in ("", group.key):
            continue
        key = (written.contract.entity.value, written.contract.type)
        if (general := chosen.get(key)) and _identity(general.contract) != _identity(written.contract):
            at = _at(written, "hard_id")
            sheet.error(at, f"the hard id must be that of {general.file}: a record is the same one in every group")
        chosen[key] = written
    entries = {}
    for key, written in chosen.items():
        contract = written.contract
        if contract.profile:
            _check_profile(written, contract.profile, {one: found.contract for one, found in chosen.items()}, sheet)
        routes, removals = routes_of(written, group, connectors, sheet)
        given = tuple(example.plain("given") for example in written.node.nodes("examples") if example.get("given"))
        entries[key] = Entry(written.file, contract, contract.removal(), routes, removals, given)
    return entries


def _at(written: Written, word: str) -> Mark:
    node = written.node.get(word)
    return node.at if node else written.node.at


def _identity(contract: Contract) -> tuple[tuple[str, Kind], ...]:
    return tuple((name, contract.fields[name].type.kind) for name in contract.hard_id)


def _check_profile(written: Written, profile: Profile, known: Mapping[tuple[str, str], Contract], sheet: Sheet) -> None:
    """The profile that a record refers to is there, and its hard id is of the same kinds."""
    at, entity = _at(written, "profile"), profile.entity.value
    found = known.get((entity, profile.type))
    if found is None:
        types = [type_ for one, type_ in known if one == entity]
        why = f"unknown profile type '{profile.type}'{suggest(profile.type, types)}" if profile.type else "no contact"
        sheet.error(at, f"{why} for the profile that it belongs to")
        return
    theirs, ours = found.hard_id, profile.fields
    if len(theirs) != len(ours):
        sheet.error(at, f"the profile's hard id is {', '.join(theirs)}, which is {len(theirs)} fields, not {len(ours)}")
    for their, our in zip(theirs, ours, strict=False):
        kinds = {found.fields[their].type.kind, written.contract.fields[our].type.kind}
        if len(kinds) > 1 and kinds & LOWERED:
            sheet.error(at, f"'{our}' must be {found.fields[their].type}, as the profile's '{their}' is")


def _check_use(written: Written, in_use: bool, sheet: Sheet) -> None:
    """The file holds for a group, and each field of it goes somewhere."""
    fields, contract = written.node.get("fields"), written.contract
    if not in_use:
        sheet.warn(written.node.at, "the file is of no use: every group has its own instead")
    elif fields and written.node.get("deliver"):
        named = written.used | set(contract.hard_id) | set(contract.profile.fields if contract.profile else ())
        for name in contract.fields.keys() - named:
            sheet.warn(fields.keys[name], f"'{name}' goes nowhere: no integration takes it")
