"""Asks Sigma rules that were converted to SQLite about the events of a run: python3 sqlite.py QUERIES.sql

Reads one record a line from standard input, and writes one match a line to standard output.
"""

import json
import re
import sqlite3
import sys


def rules(path):
    """The title, the log source and the query of each rule."""
    title = source = None
    for line in open(path, encoding="utf-8"):
        if line.startswith("-- rule: "):
            title = line[9:].strip()
        elif line.startswith("-- source: "):
            source = line[11:].strip()
        elif line.strip() and not line.startswith("--"):
            yield title, source, line.strip()


def table(records):
    """The records in a table `logs`, each field a column; names that differ in case only are one."""
    names = list({name.lower(): name for name in ["seq", *(name for one in records for name in one)]}.values())
    logs = sqlite3.connect(":memory:")
    logs.row_factory = sqlite3.Row
    # `value REGEXP pattern`, which the converter writes and SQLite leaves to its host
    logs.create_function("REGEXP", 2, lambda pattern, value: value is not None and bool(re.search(pattern, str(value))))
    logs.execute("CREATE TABLE logs (%s)" % ", ".join(f'"{name}"' for name in names))
    plain = lambda value: value if value is None or isinstance(value, (str, int)) else json.dumps(value)
    rows = [[plain(one.get(name)) for name in names] for one in records]
    logs.executemany("INSERT INTO logs VALUES (%s)" % ", ".join("?" * len(names)), rows)
    return logs


def ask(logs, query):
    """The rows that match. A field that no record has is a column without values."""
    while True:
        try:
            return logs.execute(query).fetchall()
        except sqlite3.OperationalError as error:
            missing = re.fullmatch(r"no such column: (\w+)", str(error))
            if not missing:
                raise
            logs.execute(f'ALTER TABLE logs ADD COLUMN "{missing[1]}"')


records = [json.loads(line) for line in sys.stdin]
for title, source, query in rules(sys.argv[1]):
    asked = [one for one in records if one.get("source") == source]
    for row in ask(table(asked), query):
        print(json.dumps({"event": row["seq"], "rule": title}))
    # what the log source could not tell may be what the rule looks for
    for name in sorted({name for one in asked for name in one.get("unknown", []) if re.search(rf"\b{name}\b", query)}):
        print(json.dumps({"undecided": f"{title}: {name} is not known of every record"}))
