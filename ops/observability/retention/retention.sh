#!/bin/sh
# Retention by size for Loki and Tempo, which by themselves have it by age only: `sh retention.sh [SECONDS]`
# runs beside them, natively and in a container, and looks every SECONDS (300 where none are given).
#
# It deletes nothing itself. Loki is asked through its API; it deletes only what is in an index that it has
# shipped, which it does every 15 minutes, and is asked again for the rest. Tempo's blocks are taken out
# of use by the rename of Tempo's own retention; Tempo deletes their files later.
#
# It needs what any POSIX system and BusyBox have, and wget or a Python named by OBSDECK_PYTHON. A look is a
# dozen processes, however many files there are.
set -u
export LC_ALL=C
unset http_proxy HTTP_PROXY # Loki is next door

# Those of the lines `moment bytes name` that have to go, newest first, so that the rest fits in $1 (as in
# 2GB). If any has to, so many go that 90 % are left, and not every look brings a deletion.
excess() {
  sort -r | awk -v limit="$1" '
    BEGIN {
      unit["MB"] = 1e6; unit["GB"] = 1e9; unit["TB"] = 1e12
      limit *= unit[substr(limit, length(limit) - 1)]
    }
    { line[NR] = $0; size[NR] = $2; all += $2 }
    END { for (i = 1; all > limit && i <= NR; i++) if ((kept += size[i]) > limit * 0.9) print line[i] }'
}

# All files below this directory, as `ls` tells them: bytes in column 5, the path at the end.
files() {
  find . -type f -exec ls -ln {} + 2>/dev/null
}

# Loki's chunks by the newest moment in them, in seconds. A chunk is called base64 of `from:through:checksum`,
# times in milliseconds and hexadecimal. (The time of the file will not do: a copy or a rewrite changes it.)
chunks() (
  cd "$OBSDECK_LOKI_DATA/chunks/fake" 2>/dev/null && files | awk '
    BEGIN {
      alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
      power[0] = 1; power[2] = 4; power[4] = 16 # a BusyBox may have no operator for it
    }
    function through(name,   i, digit, bits, held, byte, field, moment) {
      for (i = 1; i <= length(name) && field < 2; i++) {
        digit = index(alphabet, substr(name, i, 1))
        if (!digit) return 0
        bits = bits * 64 + digit - 1
        held += 6
        if (held < 8) continue
        held -= 8
        byte = int(bits / power[held])
        bits -= byte * power[held]
        if (byte == 58) field++
        else if (field == 1) moment = moment * 16 + byte - (byte < 58 ? 48 : 87)
      }
      return field == 2 ? int((moment + 999) / 1000) : 0
    }
    { moment = through(substr($NF, match($NF, "[^/]*$"))) }
    moment { printf "%010.0f %s\n", moment, $5 }'
)

# Tempo's blocks in use by their end, which stands in meta.json as text that sorts by time.
blocks() (
  cd "$OBSDECK_TEMPO_DATA/blocks/single-tenant" 2>/dev/null && files | awk '
    { split($NF, part, "/"); size[part[2]] += $5 }
    part[3] == "meta.json" && (getline meta <$NF) > 0 && match(meta, /"endTime": *"[^"]*"/) {
      split(substr(meta, RSTART), quoted, "\"")
      end[part[2]] = quoted[4]
    }
    END { for (block in end) print end[block], size[block], block }'
)

post() {
  if [ -n "${OBSDECK_PYTHON:-}" ]; then
    "$OBSDECK_PYTHON" -c '
import sys, urllib.request
try: urllib.request.urlopen(sys.argv[1], data=b"", timeout=10)
except OSError as error: sys.exit(str(error))' "$1"
  else
    wget -q -O /dev/null --post-data= "$1"
  fi
}

look() {
  newest=$(chunks | excess "$OBSDECK_LOGS_MAX_SIZE" | sed -n 1p)
  if [ -n "$newest" ]; then
    end=${newest%% *}
    # All streams. Loki takes no start of fewer than ten digits.
    all='query=%7Bservice_name%3D~%22.%2B%22%7D&start=1000000000'
    if post "$OBSDECK_LOKI_URL/loki/api/v1/delete?$all&end=$end"; then
      echo "logs are over $OBSDECK_LOGS_MAX_SIZE: Loki was asked to delete what is before $(moment "$end")"
    else
      echo "logs are over $OBSDECK_LOGS_MAX_SIZE: Loki took no request to delete some, and will be asked again"
    fi
  fi
  blocks | excess "$OBSDECK_TRACES_MAX_SIZE" | while read -r end _ block; do
    meta=$OBSDECK_TEMPO_DATA/blocks/single-tenant/$block/meta
    # Tempo waits from the time of the file until it deletes the block: a search may be reading it now.
    touch -c "$meta.json" && mv "$meta.json" "$meta.compacted.json" &&
      echo "traces are over $OBSDECK_TRACES_MAX_SIZE: a block that ends at $end was taken out of use"
  done
}

# -r is a time for the date of BSD and macOS, and for the others a file, which there is not.
moment() {
  date -u -r "$1" +%Y-%m-%dT%H:%M:%SZ 2>/dev/null || date -u -d "@$1" +%Y-%m-%dT%H:%M:%SZ
}

for size in "$OBSDECK_LOGS_MAX_SIZE" "$OBSDECK_TRACES_MAX_SIZE"; do
  number=${size%[MGT]B}
  case $number in "$size" | '' | 0* | *[!0-9]*)
    echo "$size is not a whole number of MB, GB or TB, as in 2GB" >&2
    exit 2
    ;;
  esac
done

trap 'kill $! 2>/dev/null; exit 0' INT TERM
while :; do
  sleep "${1:-300}" & wait $! || exit
  look & wait $!
done
