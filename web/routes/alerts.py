"""Alerts, and who has acknowledged them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from apiflask import APIBlueprint
from sqlalchemy.orm import Session

from bot.alerts.acknowledgement import acknowledge
from bot.queries import alerts as queries
from bot.queries.alerts import ShownAlert
from web.auth import scheme
from web.http import csv_export, paging
from web.http.openapi import READ_RESPONSES, TRADE_RESPONSES
from web.schemas.alerts import AcknowledgedOut, AlertOut, AlertPage
from web.schemas.requests import AcknowledgeIn, AlertsQuery, Format
from web.services import services

blueprint = APIBlueprint("alerts", __name__, tag="Alerts")

_BODY_RESPONSES: dict[int | str, Any] = {status: TRADE_RESPONSES[status] for status in (400, 413)}


@blueprint.get("/alerts")
@blueprint.auth_required(scheme.scheme, roles=scheme.READERS)
@blueprint.input(AlertsQuery, location="query")
@blueprint.output(AlertPage)
@blueprint.doc(summary="Alerts, newest first", responses=READ_RESPONSES)
def alerts(query_data: AlertsQuery) -> Any:
    before = paging.decode_number(query_data.cursor)
    is_file = query_data.format is Format.CSV
    limit = csv_export.MOST_ROWS if is_file else query_data.limit

    def read(session: Session) -> tuple[Sequence[ShownAlert], int]:
        rows = queries.page(
            session,
            before_seq=before,
            limit=limit + 1,
            kinds=query_data.kind,
            severities=query_data.severity,
            states=query_data.state,
        )
        return rows, queries.unacknowledged(session)

    rows, unacknowledged = services().lists.read(read)
    if is_file:
        return csv_export.export("alerts", AlertOut, map(_present, rows))
    found = paging.page(rows, limit, lambda each: (each.row.seq,))
    return {**found, "items": [_present(each) for each in found["items"]], "unacknowledged": unacknowledged}


@blueprint.post("/alerts/acknowledge")
@blueprint.auth_required(scheme.scheme, roles=scheme.OPERATORS)
@blueprint.input(AcknowledgeIn)
@blueprint.output(AcknowledgedOut)
@blueprint.doc(summary="Acknowledge alerts", responses={**READ_RESPONSES, **_BODY_RESPONSES})
def acknowledge_alerts(json_data: AcknowledgeIn) -> Any:
    actor = scheme.actor().name
    return {
        "acknowledged": services().database.run(lambda session: acknowledge(session, json_data.ids, actor))
    }


def _present(alert: ShownAlert) -> AlertOut:
    row = alert.row
    return AlertOut(
        id=row.id,
        seq=row.seq,
        kind=row.kind,
        severity=alert.severity,
        text=alert.text,
        facts=row.facts,
        created_at=row.created_at,
        resolved_at=alert.resolved_at,
        acknowledged_at=row.acknowledged_at,
        acknowledged_by=row.acknowledged_by,
        delivery=row.status,
        error=row.error,
    )
