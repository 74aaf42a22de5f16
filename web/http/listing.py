"""The answer to a request for a list: one page as JSON, or all that matches as a file for a spreadsheet."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import Select

from web.http import csv_export, paging
from web.http.list_reader import ListReader
from web.schemas.base import Shape
from web.schemas.requests import Format, Listed


def answer(
    reader: ListReader,
    query: Select[Any],
    asked: Listed,
    *,
    name: str,
    shape: type[Shape],
    position: Callable[[Any], tuple[object, ...]],
) -> Any:
    """What *query* finds, in the format and to the limit that were *asked* for.

    Args:
        reader: reads the rows.
        query: the rows after the cursor, the newest first, without a limit.
        asked: the request.
        name: of the file.
        shape: of one row in the file.
        position: where a page that ends with this row ended.

    Raises:
        InvalidParams: more rows match than fit into a file.
    """
    is_file = asked.format is Format.CSV
    limit = csv_export.MOST_ROWS if is_file else asked.limit
    rows = reader.read(lambda session: session.scalars(query.limit(limit + 1)).all())
    return csv_export.export(name, shape, rows) if is_file else paging.page(rows, limit, position)
