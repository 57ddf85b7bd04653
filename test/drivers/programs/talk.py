"""PyMySQL, mysqlclient and pyodbc: reads the steps, runs them on the driver, prints what came back."""

import datetime
import decimal
import hashlib
import importlib
import json
import os
import sys
import threading
from urllib.parse import unquote

HOST = os.environ["DRIVER_HOST"]
PORT = int(os.environ["DRIVER_PORT"])
CA = os.environ.get("DRIVER_CA") or None
VARIANT = os.environ["DRIVER_VARIANT"]
LONG = 256

if VARIANT == "pyodbc":
    import pyodbc
else:
    module = importlib.import_module(VARIANT)
    FLAGS = importlib.import_module(VARIANT + ".constants.CLIENT")


class Unsupported(Exception):
    pass


class DbApi:
    """PyMySQL and mysqlclient: one interface, parameters put into the text by the driver."""

    def __init__(self, user, password, database, options):
        wanted = {
            "host": HOST,
            "port": PORT,
            "user": user,
            "password": password,
            "charset": "latin1" if "latin1" in options else "utf8mb4",
            "local_infile": "local" in options,
            "client_flag": 0,
        }
        if database:
            wanted["database"] = database
        if CA:
            wanted["ssl"] = {"ca": CA}
        if "multi" in options:
            wanted["client_flag"] |= FLAGS.MULTI_STATEMENTS
        if "found" in options:
            wanted["client_flag"] |= FLAGS.FOUND_ROWS
        self.connection = module.connect(**wanted)
        self.connection.autocommit(True)

    def thread_id(self):
        return self.connection.thread_id()

    def run(self, sql, parameters=None):
        with self.connection.cursor() as cursor:
            cursor.execute(sql.replace("?", "%s") if parameters else sql, parameters)
            return all_of(cursor)

    def batch(self, sql, rows):
        with self.connection.cursor() as cursor:
            cursor.executemany(sql.replace("?", "%s"), rows)
            return [cursor.rowcount]

    def begin(self):
        self.connection.begin()

    def commit(self):
        self.connection.commit()

    def rollback(self):
        self.connection.rollback()

    def ping(self):
        self.connection.ping()

    def reset(self):
        raise Unsupported

    def user(self, user, password, database):
        if VARIANT == "pymysql":
            raise Unsupported
        self.connection.change_user(user, password, database)

    def close(self):
        self.connection.close()


class Odbc:
    """MariaDB's ODBC driver: parameters are prepared on the server."""

    def __init__(self, user, password, database, options):
        wanted = {
            "DRIVER": "{MariaDB Unicode}",
            "SERVER": HOST,
            "PORT": PORT,
            "UID": user,
            "PWD": "{" + password + "}",
            "CHARSET": "latin1" if "latin1" in options else "utf8mb4",
            "NO_PROMPT": 1,
        }
        if database:
            wanted["DATABASE"] = database
        if CA:
            wanted["SSLCA"] = CA
            wanted["SSLVERIFY"] = 1
        flags = 0
        if "multi" in options:
            flags |= 67108864
        if "found" in options:
            flags |= 2
        if flags:
            wanted["OPTION"] = flags
        text = ";".join(f"{key}={value}" for key, value in wanted.items())
        self.connection = pyodbc.connect(text, autocommit=True)

    def thread_id(self):
        raise Unsupported

    def run(self, sql, parameters=None):
        cursor = self.connection.cursor()
        try:
            cursor.execute(sql, *(parameters or []))
            return all_of(cursor)
        finally:
            cursor.close()

    def batch(self, sql, rows):
        cursor = self.connection.cursor()
        cursor.executemany(sql, rows)
        cursor.close()
        return [len(rows)]

    def begin(self):
        self.connection.autocommit = False

    def commit(self):
        self.connection.commit()
        self.connection.autocommit = True

    def rollback(self):
        self.connection.rollback()
        self.connection.autocommit = True

    def ping(self):
        raise Unsupported

    def reset(self):
        raise Unsupported

    def user(self, user, password, database):
        raise Unsupported

    def close(self):
        self.connection.close()


def all_of(cursor):
    found = []
    while True:
        if cursor.description is None:
            found.append({"affected": cursor.rowcount, "id": getattr(cursor, "lastrowid", None)})
        else:
            columns = [[str(part) for part in column[:2]] for column in cursor.description]
            found.append({"columns": columns, "rows": shown([list(row) for row in cursor.fetchall()])})
        if not cursor.nextset():
            return found


def shown(value):
    if isinstance(value, (list, tuple)):
        each = [shown(one) for one in value]
        if len(each) <= 50:
            return each
        return {"count": len(each), "all": hashlib.sha1(json.dumps(each).encode()).hexdigest()}
    if isinstance(value, (bytes, bytearray)):
        if len(value) > LONG:
            return f"bytes {len(value)} {hashlib.sha1(value).hexdigest()}"
        return f"bytes {bytes(value).hex()}"
    if isinstance(value, str):
        if len(value) > LONG:
            return f"text {len(value)} {hashlib.sha1(value.encode('utf8', 'replace')).hexdigest()}"
        return value
    if isinstance(value, (decimal.Decimal, datetime.date, datetime.time, datetime.timedelta)):
        return repr(value)
    return value if value is None or isinstance(value, (int, float, bool)) else repr(value)


def parameter_of(text):
    kind, value = text[0], text[2:]
    if kind == "i":
        return int(value)
    if kind == "d":
        return float(value)
    if kind == "x":
        return bytes.fromhex(value)
    if kind == "S":
        return "x" * int(value)
    return None if kind == "n" else value


def pool(workers, rounds, user, password, database):
    done = []
    failed = []

    def work():
        try:
            talker = connect(user, password, database, [])
            for _ in range(int(rounds)):
                talker.run("UPDATE tally SET n = n + 1 WHERE id = 1")
                talker.run("SELECT SLEEP(0.001)")
                done.append(1)
            talker.close()
        except Exception as error:  # Shown by the main thread.
            failed.append(error)

    threads = [threading.Thread(target=work) for _ in range(int(workers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return len(done)


def connect(user, password, database, options):
    return (Odbc if VARIANT == "pyodbc" else DbApi)(user, password, database, options)


def say(talker, op, args):
    if op == "query":
        return talker.run(args[0])
    if op == "load":
        if VARIANT == "pyodbc":
            raise Unsupported
        return talker.run(args[0])
    if op == "run":
        return talker.run(args[0], [parameter_of(text) for text in args[1:]])
    if op == "sleep":
        show({"sleeping": talker.thread_id()})
        return talker.run(args[0])
    if op == "repeat":
        return [talker.run(args[1], [i]) for i in range(int(args[0]))]
    if op == "batch":
        return talker.batch(args[0], [[i] for i in range(int(args[1]))])
    if op in ("begin", "commit", "rollback", "ping", "reset"):
        getattr(talker, op)()
        return op
    if op == "user":
        talker.user(*args)
        return op
    raise Unsupported


def show(value):
    print(json.dumps(value), flush=True)


def close_all(talkers):
    for talker in talkers.values():
        try:
            talker.close()
        except Exception:  # It is gone, which is all that is wanted.
            pass
    talkers.clear()


def main():
    talkers = {}
    for line in open(sys.argv[1], encoding="ascii"):
        op, *args = [unquote(field) for field in line.rstrip("\n").split("\t")]
        if op == "case":
            close_all(talkers)
            show({"case": args[0]})
            continue
        try:
            if op == "open":
                close_all({args[0]: talkers.pop(args[0])} if args[0] in talkers else {})
                talkers[args[0]] = connect(*args[1:4], args[4].split(","))
                result = op
            elif op == "close":
                talkers.pop(args[0]).close()
                result = op
            elif op == "pool":
                result = pool(*args)
            else:
                result = say(talkers[args[0]], op, args[1:])
            show({"result": shown(result) if op != "query" else result})
        except Unsupported:
            show({"unsupported": op})
        except Exception as error:
            show({"error": [type(error).__name__, *[shown(part) for part in error.args]]})
    close_all(talkers)


main()
