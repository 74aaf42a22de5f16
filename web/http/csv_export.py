"""A list as a file for a spreadsheet: the same fields as in JSON, one row each."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Any

from flask import Response

from bot.errors import InvalidParams
from web.schemas.base import Shape

#: The most rows of one file, which is built in memory.
MOST_ROWS = 10_000
#: Beginnings that a spreadsheet takes for a formula: text of others must not calculate in an operator's spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def export(name: str, shape: type[Shape], rows: Iterable[Any]) -> Response:
    """*rows*, at most MOST_ROWS and one more, as the file *name*; its columns are the fields of *shape*.

    Raises:
        InvalidParams: there are more rows than fit.
    """
    rows = list(rows)
    if len(rows) > MOST_ROWS:
        raise InvalidParams(
            f"More than {MOST_ROWS:,} rows match, which is the most that a file holds. Narrow them, for example by since and until."
        )
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(field.alias or field_name for field_name, field in shape.model_fields.items())
    for row in rows:
        writer.writerow(_written(value) for _, value in shape.model_validate(row))
    response = Response(text.getvalue(), mimetype="text/csv")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def describe(document: dict[str, Any]) -> dict[str, Any]:
    """Add to the generated document that a list can be asked for as a file."""
    for operations in document.get("paths", {}).values():
        for operation in operations.values():
            if any(each.get("name") == "format" for each in operation.get("parameters", ())):
                operation["responses"]["200"]["content"]["text/csv"] = {"schema": {"type": "string"}}
    return document


def _written(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case datetime():
            return value.isoformat()
        case Decimal():
            return f"{value:f}"
        case list():
            return json.dumps([_plain(each) for each in value], default=str)
        case dict():
            return json.dumps(value, default=str)
        case int() | float():
            return str(value)
    text = str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _plain(value: Any) -> Any:
    return value.model_dump(mode="json", by_alias=True) if isinstance(value, Shape) else value
