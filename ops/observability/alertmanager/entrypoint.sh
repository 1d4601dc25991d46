#!/bin/sh
# Entrypoint of the Alertmanager container: put secrets where the configuration looks for them, then become
# the given command.
#
# Alertmanager reads secrets from files. Those that compose passes on by environment are written to /tmp, which
# is in memory, one file each under the variable's own name; so a receiver of your own may say
# `url_file: /tmp/secrets/OBSDECK_ALERT_WEBHOOK_URL`.
set -eu
umask 077
folder=${TMPDIR:-/tmp}/secrets

for name in WEBHOOK_URL SLACK_URL DISCORD_URL TELEGRAM_TOKEN SMTP_PASSWORD WATCHDOG_URL; do
  variable=OBSDECK_ALERT_$name
  eval "value=\${$variable:-}"
  if [ -n "$value" ]; then
    mkdir -p "$folder"
    printf '%s' "$value" >"$folder/$variable"
  fi
  unset "$variable"
done

unset value
exec "$@"
