"""SLOs: Sloth's `prometheus/v1` files in, Prometheus' recording and alerting rules out.

`model` is the file, `queries` what can be known of a query, `windows` the SRE workbook's windows;
`indicators`, `budget` and `alerts` make one group of rules each, `rules` puts them together. Nothing here
reads or writes files.

Groups, metrics and labels are named as Sloth v0.16 names them, so that its dashboards work. The formulas
differ in these places, most of them for a fault that Sloth's users report:

- Idle is absent. A division by no events would be NaN, and one NaN in a sum is a NaN for 30 days (sloth#133,
  #440, #531). Nothing is recorded as ratio where the total is 0, so nothing can fire.
- No error series yet is no errors: while there are events, the errors are 0.
- Errors and totals are recorded, not the ratio alone (sloth#526): `slo:sli_errors:rate5m`,
  `slo:sli_total:rate5m` and so on up to 6h, in events per second.
- The long windows (1d, 3d, 30d) are sums of recorded errors over sums of recorded totals. Sloth's 30 days
  are an average of ratios, in which a night with 10 events weighs as much as a day with a million; its 1d
  and 3d are right, and read every raw sample of three days. Windows up to 6h, on which pages depend, come
  from the user's queries as in Sloth, so what arrived late, or while Prometheus was away, is in them.
- A label of an SLO may change. Sums go over all its values; Sloth's rule would give two equal series and
  fail.
- A page needs a number of failed events (`windows.MINIMUM_ERRORS`): one of three at night is a ticket
  (sloth#666).
- Numbers are exact decimals: a budget is 0.001, not 0.0009999999999999432.
- `severity` is `critical` or `warning` where the file does not say otherwise; Sloth sets `sloth_severity`
  alone.
- What can never fire or never match is refused in the model, not written.
"""
