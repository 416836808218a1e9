#!/usr/bin/env bash
# Starts the server under test on $PORT, with an empty store of its own that is gone afterwards.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
binary="${HIGHWATER_BIN:-${CARGO_TARGET_DIR:-../target}/debug/highwater}"
if [[ ! -x $binary ]]; then
  echo "No server at $binary: build it with 'cargo xtask build', or name another one in HIGHWATER_BIN." >&2
  exit 1
fi
home="$(mktemp -d "${TMPDIR:-/tmp}/hw.XXXXXX")"
# As root the embedded Postgres runs as another user, which has to reach the folder.
chmod 711 "$home"
"$binary" serve --listen "127.0.0.1:$PORT" --data-dir "$home/data" --demo="${HIGHWATER_DEMO:-20}" 2> >(tee "${SERVER_LOG:-$home/log}" >&2) &
server=$!
trap 'kill -TERM "$server" 2>/dev/null || true' TERM INT
# The first wait ends with the signal, the second with the server.
code=0
wait "$server" || code=$?
wait "$server" 2>/dev/null || true
rm -rf "$home"
exit "$code"
