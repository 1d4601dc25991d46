"""What Grafana does with our files, done without Grafana: variables, queries, links."""
