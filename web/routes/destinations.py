"""Where alerts are sent, whether they arrive, and a test."""

from __future__ import annotations

from typing import Any

from apiflask import APIBlueprint

from bot.alerts import outbox
from bot.models import AlertKind
from bot.queries import alert_destinations as queries
from web.auth import scheme
from web.http.openapi import READ_RESPONSES
from web.schemas.alert_destinations import DestinationsOut, TestAlertOut
from web.services import services

blueprint = APIBlueprint("destinations", __name__, tag="Alerts")


@blueprint.get("/alerts/destinations")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.output(DestinationsOut)
@blueprint.doc(summary="Where alerts are sent, and whether they arrive", responses=READ_RESPONSES)
def alert_destinations() -> Any:
    return {"items": services().database.read(lambda session: queries.all_of(session, services().settings))}


@blueprint.post("/alerts/test")
@blueprint.auth_required(scheme.scheme, roles=scheme.OPERATORS)
@blueprint.output(TestAlertOut)
@blueprint.doc(
    summary="Send a test alert to every destination, whatever else it receives", responses=READ_RESPONSES
)
def test_alert() -> Any:
    facts: dict[str, object] = {"actor": scheme.actor().name}
    alert_id = services().database.run(lambda session: outbox.put(session, AlertKind.TEST, facts))
    names = [each.name for each in queries.known(services().settings)]
    return {"id": alert_id, "destinations": names}
