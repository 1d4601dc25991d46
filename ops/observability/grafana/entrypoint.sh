#!/bin/sh
# Entrypoint of the Grafana container: see to the admin password, then become the given command.
#
# The password is $OBSDECK_GRAFANA_PASSWORD, or one made here at the first start and shown once. It lies in
# Grafana's volume, readable by Grafana alone, and Grafana takes it when it creates its database; later
# changes belong in Grafana.
set -eu
umask 077
file=$GF_PATHS_DATA/admin-password

if [ -n "${OBSDECK_GRAFANA_PASSWORD:-}" ]; then
  printf '%s' "$OBSDECK_GRAFANA_PASSWORD" >"$file"
elif [ ! -s "$file" ]; then
  head -c 18 /dev/urandom | base64 | tr '+/' '-_' | tr -d '\n' >"$file.new"
  mv "$file.new" "$file"
  echo "Grafana: user admin, password $(cat "$file") - shown this once, kept in $file"
fi

unset OBSDECK_GRAFANA_PASSWORD
# Grafana reads the file itself, so that the password is in no environment and no argument.
export GF_SECURITY_ADMIN_PASSWORD="\$__file{$file}"
exec "$@"
