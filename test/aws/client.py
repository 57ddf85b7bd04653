"""What an application does with a proxy's endpoint, by PyMySQL over TLS.

client.py check ENDPOINT   connects, asks, prints who has answered
client.py queue ENDPOINT   holds the pool's only connection in a transaction; a second client must get 9501

User, password and database come from DB_USER, DB_PASSWORD and DB_NAME, the authorities from DB_CA.
"""
import os
import sys

import pymysql


def connect(endpoint):
    return pymysql.connect(
        host=endpoint,
        user=os.environ["DB_USER"],
        password=os.environ["DB_PASSWORD"],
        database=os.environ["DB_NAME"],
        ssl={"ca": os.environ["DB_CA"]},
        connect_timeout=20,
    )


def ask(connection, sql):
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchone()


def check(endpoint):
    connection = connect(endpoint)
    assert connection._sock.cipher() is not None, "no TLS"
    server, read_only = ask(connection, "SELECT @@aurora_server_id, @@innodb_read_only")
    assert read_only == 0, f"{server} is a reader"
    print(server)
    connection.close()


def queue(endpoint):
    first, second = connect(endpoint), connect(endpoint)
    first.begin()
    ask(first, "SELECT 1")
    try:
        second.begin()
        ask(second, "SELECT 1")
    except pymysql.err.MySQLError as error:
        print(error.args[0], error.args[1])
        assert error.args[0] == 9501, error
        assert error.args[1] == "Timed-out waiting to acquire database connection", error
    else:
        raise AssertionError("the second transaction got a connection")
    first.commit()
    ask(first, "SELECT 1")
    first.close()


if __name__ == "__main__":
    {"check": check, "queue": queue}[sys.argv[1]](sys.argv[2])
