from __future__ import annotations

import pytest

from obsdeck.telemetry.libraries.sql import LENGTH, describe


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("SELECT 1", "SELECT ?"),
        ("SELECT 1.5e-3, .5, 0xFF, -7, 1_000", "SELECT ?, ?, ?, -?, ?"),
        ("SELECT t1.c2 FROM t1", "SELECT t1.c2 FROM t1"),
        ("SELECT 'it''s'", "SELECT ?"),
        (r"SELECT 'C:\', 'b'", "SELECT ?, ?"),
        (r"SELECT E'it\'s', 'b'", "SELECT ?, ?"),
        ("SELECT B'101', x'ff', N'name'", "SELECT ?, ?, ?"),
        ("SELECT $$it's$$, $a$b$$c$a$", "SELECT ?, ?"),
        ("SELECT $1, $2::int", "SELECT $1, $2::int"),
        ("SELECT :id, %(id)s, %s, ?, ?1, @id", "SELECT :id, %(id)s, %s, ?, ?1, @id"),
        ("SELECT a::text[1]", "SELECT a::text[?]"),
        ('SELECT "column 1" FROM "a ""b"""', 'SELECT "column 1" FROM "a ""b"""'),
        ("SELECT 1 -- secret\nFROM t", "SELECT ?  \nFROM t"),
        ("SELECT /* secret */ a", "SELECT   a"),
        ("SELECT /* a /* b */ secret */ a", "SELECT"),
        ("SELECT 'never closed", "SELECT ?"),
        ("SELECT $$never closed", "SELECT ?"),
        ("SELECT /* never closed", "SELECT"),
        ("SELECT data #> '{a}' FROM t", "SELECT data #> ? FROM t"),
        ("", ""),
    ],
)
def test_literals_and_comments_are_gone_and_the_rest_stays(statement: str, text: str) -> None:
    assert describe(statement).text == text


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        (r"SELECT 'it\'s secret', 'b'", "SELECT ?, ?"),
        (r'SELECT "it\"s secret", `a`', "SELECT ?, `a`"),
        ("SELECT a # secret\nFROM t", "SELECT a  \nFROM t"),
    ],
)
def test_in_mysql_double_quotes_and_backslashes_mean_something_else(statement: str, text: str) -> None:
    assert describe(statement, "mysql").text == text
    assert describe(statement, "mariadb").text == text


@pytest.mark.parametrize(
    ("statement", "summary"),
    [
        ("SELECT a FROM orders JOIN items ON true", "SELECT orders"),
        ("SELECT EXTRACT(YEAR FROM placed) FROM shop.orders", "SELECT shop.orders"),
        ("SELECT 1", "SELECT"),
        ("select 1 from orders", "select orders"),
        ("/* app */ INSERT INTO orders VALUES (1)", "INSERT orders"),
        ('UPDATE ONLY "my orders" SET a = 1', 'UPDATE "my orders"'),
        ("DELETE FROM orders WHERE a IN (SELECT b FROM c)", "DELETE orders"),
        ("CREATE TABLE IF NOT EXISTS orders (id int)", "CREATE orders"),
        ("CALL pay(1)", "CALL pay"),
        ("WITH x AS (SELECT 1) SELECT * FROM x", "WITH"),
        ("BEGIN", "BEGIN"),
        ("SELECT 1 FROM", "SELECT"),
        ("(SELECT 1)", ""),
        ("'secret'", ""),
        ("", ""),
    ],
)
def test_a_summary_is_the_operation_and_its_table(statement: str, summary: str) -> None:
    described = describe(statement)
    assert described.summary == summary
    assert described.operation == summary.partition(" ")[0]


def test_only_the_beginning_of_a_long_statement_is_read_and_cuts_no_literal_open() -> None:
    described = describe("INSERT INTO t VALUES (" + "'secret', " * LENGTH)
    assert described.summary == "INSERT t"
    assert "secret" not in described.text
    assert len(described.text) < LENGTH
