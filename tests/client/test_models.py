"""The client's models, words and codes are those of /openapi.json."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

import pytest
from pydantic import BaseModel

from client import errors, models, words
from tests.support.document import openapi

#: Each model, and the schema that it stands for.
MODELS: dict[type[BaseModel], str] = {
    models.Account: "AccountOut",
    models.Acknowledged: "AcknowledgedOut",
    models.Alert: "AlertOut",
    models.AlertDestination: "DestinationOut",
    models.Action: "ActionOut",
    models.Command: "CommandOut",
    models.Config: "ConfigOut",
    models.ConfigAction: "ConfigChangedOut",
    models.DailyStats: "DailyStatsOut",
    models.Difference: "DifferenceOut",
    models.Exposure: "ExposureOut",
    models.Flatten: "FlattenOut",
    models.Gate: "GateOut",
    models.KillAction: "KillOut",
    models.LastReconciliation: "LastReconciliation",
    models.OpenPosition: "OpenPositionOut",
    models.Position: "PositionOut",
    models.PositionLeft: "PositionLeftOut",
    models.Positions: "PositionsOut",
    models.ReconcileAction: "ReconcileOut",
    models.Reconciliation: "ReconciliationOut",
    models.Status: "StatusOut",
    models.TestAlert: "TestAlertOut",
    models.Token: "TokenOut",
    models.Trade: "TradeOut",
    models.TradeEvent: "TradeEventOut",
    models.Worker: "WorkerOut",
    models.WorkingOrder: "WorkingOrderOut",
}
#: Made of others, and in no answer by themselves.
PARTS = {models.Answer, models.Thresholds}


@pytest.fixture(scope="module")
def schemas(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return openapi(tmp_path_factory.mktemp("data"))["components"]["schemas"]


def kinds(schema: Any, schemas: Any) -> set[Any]:
    """What a value may be, in words of which both sides have the same."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return kinds(schemas[name], schemas) if "enum" in schemas[name] else {_plain(name)}
    if "anyOf" in schema:
        return set().union(*(kinds(each, schemas) for each in schema["anyOf"]))
    if schema.get("type") == "array":
        return {("array", frozenset(kinds(schema["items"], schemas)))}
    if schema.get("format") in ("uuid", "date-time", "date"):
        return {schema["format"]}
    # a float is a number, and a Decimal may be one; a word is text
    return {schema.get("type", "anything")}


def _plain(name: str) -> str:
    return {schema: model.__name__ for model, schema in MODELS.items()}.get(name, name)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_a_model_has_the_fields_of_its_schema(schemas: Any, model: type[BaseModel]):
    ours = model.model_json_schema(by_alias=True, mode="validation")
    theirs = schemas[MODELS[model]]
    inside = ours.get("$defs", {})
    assert set(ours["properties"]) == set(theirs["properties"])
    for name, mine in ours["properties"].items():
        read, written = kinds(mine, inside), kinds(theirs["properties"][name], schemas)
        if "number" in read:
            read -= {"string"} - written  # a Decimal may also be text
        assert read == written, name


def _with_kinds(model: type[BaseModel]) -> set[type[BaseModel]]:
    return {model}.union(*map(_with_kinds, model.__subclasses__()))


def test_every_model_is_compared_with_a_schema():
    assert _with_kinds(models.Answer) == MODELS.keys() | PARTS


@pytest.mark.parametrize(
    "word",
    [
        each
        for each in vars(words).values()
        if isinstance(each, type) and issubclass(each, StrEnum) and each is not StrEnum
    ],
)
def test_the_words_are_those_of_the_interface(schemas: Any, word: type[StrEnum]):
    assert {str(each) for each in word} == set(schemas[word.__name__]["enum"])


def test_every_code_of_the_client_is_one_of_the_interface(schemas: Any):
    assert errors.BY_CODE.keys() <= set(schemas["ErrorCode"]["enum"])


def test_every_code_of_a_command_that_was_refused_is_told_by_its_class(schemas: Any):
    import bot.errors

    refused = {each.code for each in bot.errors.CommandRefused.__subclasses__()} - {"validation"}
    told_by_status = {"send_time_missing", "send_time_in_future"}  # of manual commands only
    assert refused - told_by_status <= {
        code for code, kind in errors.BY_CODE.items() if issubclass(kind, errors.CommandRefused)
    }
