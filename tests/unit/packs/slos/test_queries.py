"""What is known of a query from its text."""

from __future__ import annotations

import pytest

from obsdeck.packs.slos import queries


@pytest.mark.parametrize("place", ["{{.window}}", "{{ .window }}", "{{- .window -}}"])
def test_the_window_is_filled_in(place: str) -> None:
    query = f"sum(rate(a[{place}])) / sum(rate(b[{place}]))"
    assert queries.checked(query) == query
    assert queries.over(query, "1h") == "(sum(rate(a[1h])) / sum(rate(b[1h])))"


def test_a_comment_at_the_end_does_not_swallow_the_parenthesis() -> None:
    assert queries.over("rate(a[{{.window}}])  # all", "5m") == "(\nrate(a[5m])  # all\n)"


@pytest.mark.parametrize(
    ("query", "fault"),
    [
        ("sum(rate(a[5m]))", "no {{.window}}"),
        ("sum(rate(a[{{.window}}]) * {{.factor}}", "has {{.factor}}"),
        ("sum(rate(a[{{.window}}])", "not PromQL: unclosed left parenthesis"),
        ("rate(a) + rate(b[{{.window}}])", "not PromQL: expected type matrix"),
        ("a[{{.window}}]", "range of samples"),
        ("a[1h:{{.window}}]", "range of samples"),
    ],
)
def test_what_no_rule_can_be_made_of_is_refused(query: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault.replace("{", "[{]").replace("}", "[}]")):
        queries.checked(query)


@pytest.mark.parametrize(
    ("query", "labels"),
    [
        ("sum(rate(a[{{.window}}]))", set()),
        ("(sum by (b, a) (rate(a[{{.window}}])))", {"a", "b"}),
        ("-sum by (a) (rate(a[{{.window}}]))", {"a"}),
        ("sum by (a) (rate(x[{{.window}}])) - sum by (a) (rate(y[{{.window}}]))", {"a"}),
        ("2 * sum by (a) (rate(x[{{.window}}]))", {"a"}),
        ("sum by (a) (rate(x[{{.window}}])) - sum by (b) (rate(y[{{.window}}]))", None),
        ("sum by (a) (rate(x[{{.window}}])) * on (a) sum by (a) (y)", None),
        ("sum without (a) (rate(x[{{.window}}]))", None),
        ("topk(3, rate(x[{{.window}}]))", None),
        ("rate(x[{{.window}}])", None),
    ],
)
def test_the_labels_of_a_query_are_told_where_the_text_tells(query: str, labels: set[str] | None) -> None:
    assert queries.labels(query) == labels


@pytest.mark.parametrize(
    ("query", "seconds"),
    [
        ("sum(rate(a[{{.window}}]))", False),
        ("sum(increase(a[{{.window}}]))", True),
        ("sum(count_over_time(a[{{.window}}])) - sum(sum_over_time(a[{{.window}}]))", True),
    ],
)
def test_counts_become_events_per_second(query: str, *, seconds: bool) -> None:
    assert queries.per_second(query, "30m").endswith(" / 1800") == seconds
