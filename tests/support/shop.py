"""A shop with two groups in a ledger of its own, whose deliveries end as a test wants, and a terminal to work on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID, uuid4

from click.testing import CliRunner, Result

from router.accept import Call, accept
from router.cli import main
from router.config import Config
from router.ledger.postgres import PostgresLedger
from router.mapping import Source
from router.model import Accepted, Action, Entity, Environment, Health, State, new_request_id
from router.plan import plan
from router.publish import publish
from router.vault import Vault
from tests.ledger.kit import verdict

KEY = Vault.new_key()
_INTEGRATION = (
    "{connector: webhook, personal_data: true,"
    " options: {url: {setting: sandbox_url, path: /webhook}}, secrets: {secret: crm}}"
)
CLIENT = f"""client: shop
groups:
  main:
    integrations: {{crm: {_INTEGRATION}, mail: {_INTEGRATION}}}
  north:
    integrations: {{crm: {_INTEGRATION}}}
"""
PERSON = """entity: profile
type: person
hard_id: [customer_id]
fields:
  customer_id: {type: string}
  name: {type: string, optional: true}
deliver:
  crm: {operation: send, map: {name: name, who.id: customer_id}}
  mail: {operation: send, map: {name: name}}
"""
RENAMED = PERSON.replace(
    "{name: name, who.id: customer_id}", "{name: {from: name, transform: [upper]}, who.id: customer_id}"
)
WITHOUT_CRM = PERSON.replace("  crm: {operation: send, map: {name: name, who.id: customer_id}}\n", "")


@dataclass
class Shop:
    """outcomes: integration → how its deliveries end; delivered unless named."""

    ledger: PostgresLedger
    environment: Mapping[str, str]
    _config: Config = field(init=False)

    def publish(self, person: str = PERSON) -> None:
        sources = [Source("shop/client.yaml", CLIENT), Source("shop/profile.person.yaml", person)]
        publish(self.ledger, sources, "tests", "")
        self._config = Config(self.ledger)

    def run(self, *arguments: str, said: str | None = None, env: Mapping[str, str] | None = None) -> Result:
        """A command as it is typed. said: what is typed into it then."""
        return CliRunner().invoke(main, arguments, input=said, env={**self.environment, **(env or {})})

    def ok(self, *arguments: str, said: str | None = None) -> list[str]:
        """The lines that a command shows; it must succeed."""
        result = self.run(*arguments, said=said)
        assert result.exit_code == 0, result.output
        return result.output.splitlines()

    def fails(self, *arguments: str, status: int = 1) -> str:
        """What a command says that must fail."""
        result = self.run(*arguments)
        assert result.exit_code == status, result.output
        return result.output

    def accept(self, *names: str, group: str = "main") -> Accepted:
        """A request with a person for each name."""
        records = [{"customer_id": str(uuid4()), "name": name} for name in names or ("Ada",)]
        call = Call(
            request_id=new_request_id(),
            client="shop",
            credential="AKIDEXAMPLE",
            environment=Environment.PRODUCTION,
            surface="v2",
            entity=Entity.PROFILE,
            action=Action.UPSERT,
            type="person",
            group=group,
            records=records,
            many=True,
        )
        return accept(call, self._config.current(), self.ledger)

    def work(self, ends: State = State.DELIVERED, **by_integration: State) -> None:
        """Plan and deliver all that is due; each integration's deliveries end as named."""
        while hints := self.ledger.claim(1000):
            for hint in hints:
                if hint.task == "route":
                    self._plan(hint.hint_id)
                    continue
                state = by_integration.get(hint.destination.rpartition("/")[2], ends)
                _, deliveries = self.ledger.start_deliver(hint.hint_id, "tests", 30.0)
                verdicts = [verdict(each, state) for each in deliveries]
                self.ledger.finish(hint.hint_id, verdicts, Health(), done=True)

    def plan(self) -> None:
        """Plan all that is due, and deliver nothing."""
        for hint in self.ledger.claim(1000):
            self._plan(hint.hint_id)

    def start(self) -> None:
        """Give out and start all that is due, and leave it in flight."""
        for hint in self.ledger.claim(1000):
            self.ledger.start_deliver(hint.hint_id, "tests", 30.0)

    def request(self, *names: str, group: str = "main", **ends: Any) -> UUID:
        """A request all of whose deliveries have ended."""
        kept = self.accept(*names, group=group)
        self.work(**ends)
        return kept.request_id

    def document(self, request: UUID) -> Mapping[str, Any]:
        found = self.ledger.document(request)
        assert found is not None
        return found

    def deliveries(self, request: UUID) -> list[Mapping[str, Any]]:
        return [each for record in self.document(request)["records"] for each in record["deliveries"]]

    def states(self, request: UUID) -> list[str]:
        """`integration: state` of each delivery."""
        return sorted(f"{each['integration']}: {each['status']}" for each in self.deliveries(request))

    def _plan(self, hint: int) -> None:
        snapshot = self._config.current()
        records = self.ledger.start_route(hint, "tests", 30.0)
        made = [each for r in records for each in plan(r, self._config.set_of(r.mapping_version), snapshot.number)]
        self.ledger.planned(hint, made)


@contextmanager
def shop_in(database_url: str) -> Iterator[Shop]:
    environment = {
        "ROUTER_DATABASE_URL": database_url,
        "ROUTER_BROKER_URL": "memory://",
        "ROUTER_SECRET_KEYS": KEY,
    }
    ledger = PostgresLedger(database_url, size=2)
    try:
        shop = Shop(ledger, environment)
        shop.publish()
        yield shop
    finally:
        ledger.close()
