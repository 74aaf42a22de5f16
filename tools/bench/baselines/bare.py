"""Bare Flask routes: nothing, one SELECT, one committed update of one row; psycopg2 as its manual shows it, with a
connection for each thread."""

from __future__ import annotations

import os
import threading
from typing import Any

import psycopg2
from flask import Flask, jsonify

app = Flask(__name__)
_of_thread = threading.local()


def connection() -> Any:
    if not hasattr(_of_thread, "connection"):
        _of_thread.connection = psycopg2.connect(os.environ["BENCH_DATABASE_URL"])
    return _of_thread.connection


@app.get("/healthz")
def nothing() -> Any:
    return jsonify(ok=True)


@app.get("/select")
def select() -> Any:
    with connection() as transaction, transaction.cursor() as cursor:
        cursor.execute("SELECT state, changes FROM bot WHERE id = 1")
        state, changes = cursor.fetchone()
    return jsonify(state=state, changes=changes)


@app.post("/commit")
def commit() -> Any:
    with connection() as transaction, transaction.cursor() as cursor:
        cursor.execute("UPDATE bot SET state = 'stopped', changes = changes + 1 WHERE id = 1")
    return jsonify(state="stopped")
