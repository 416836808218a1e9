#!/usr/bin/env bash
# Starts an image as a cluster does that trusts it with nothing, and tries it: as a user id that it does not know, on a read-only root, without
# capabilities, with the arguments and variables of kubernetes/. For Linux with podman 4 and curl:
#     server/deploy/try-image.sh                              builds the image first
#     server/deploy/try-image.sh --build-context build=DIR    builds it around the program in that folder; what begins with - is for podman build
#     server/deploy/try-image.sh IMAGE                        takes one that is there
#     DATABASE_URL=postgres://… server/deploy/try-image.sh    an empty database; without it POSTGRES_IMAGE (docker.io/library/postgres:17) runs one
# An image that brings a Postgres of its own runs as its own user, with its data on a volume. All of it listens on loopback, and is gone afterwards.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."
deploy=server/deploy
name="highwater-try-$$"
postgres_image="${POSTGRES_IMAGE:-docker.io/library/postgres:17}"
umask 077
folder="$(mktemp -d)"

clean() {
  local code=$?
  if ((code != 0)); then
    cat "$folder/answer" >&2 2>/dev/null || true
    podman logs "$name" >&2 2>&1 || true
  fi
  podman rm --force --volumes --time 5 --ignore "$name" "$name-postgres" >/dev/null || true
  podman volume rm --force "$name" >/dev/null 2>&1 || true
  rm -rf "$folder"
}
trap clean EXIT

fail() {
  echo "✗ $*" >&2
  exit 1
}

done_with() {
  echo "✓ $*"
}

# A port of loopback at which nobody listens.
free_port() {
  local port
  while port=$((20000 + RANDOM % 10000)); (: <"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
  echo "$port"
}

random() {
  head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n'
}

# Tries a command until it succeeds, for a minute, while the container runs.
wait_for() {
  local container=$1 end=$((SECONDS + 60))
  shift
  until "$@" >/dev/null 2>&1; do
    [[ $(podman inspect --format '{{.State.Running}}' "$container") == true ]] || fail "$container has ended"
    ((SECONDS < end)) || fail "a minute was not enough for: $*"
    sleep 0.2
  done
}

ask() {
  curl --silent --show-error --fail-with-body --noproxy '*' --max-time 20 "$@"
}

# The answer stands in a file, which is shown where it is a refusal.
send() {
  ask --output "$folder/answer" --header 'Content-Type: application/json' "$@"
}

status_of() {
  ask --output /dev/null --write-out '%{http_code}' "$@" 2>/dev/null || true
}

# --- the image
if (($# == 1)) && [[ $1 != -* ]]; then
  image=$1
else
  image="localhost/highwater:try"
  podman build --file "$deploy/Containerfile" --tag "$image" "$@" .
fi
volumes="$(podman image inspect --format '{{len .Config.Volumes}}' "$image")"

# --- where it runs: what the manifests say, but on loopback
port="$(free_port)"
url="http://127.0.0.1:$port"
sed -n 's/^ *- \(HIGHWATER_[A-Z_]*=\)/\1/p' "$deploy/kubernetes/kustomization.yaml" | sed "s/0\.0\.0\.0:3000/127.0.0.1:$port/" >"$folder/env"
grep -q "^HIGHWATER_LISTEN=127.0.0.1:$port\$" "$folder/env" || fail "kustomization.yaml does not say where it listens"
public="$(sed -n 's/^HIGHWATER_PUBLIC_URL=//p' "$folder/env")"

if ((volumes > 0)); then
  # initdb wants a user that /etc/passwd knows. Postgres takes up to 20 s more to stop.
  user="$(podman image inspect --format '{{.Config.User}}' "$image")"
  grace=60
  arguments=()
  options=(--volume "$name:/var/lib/highwater")
else
  # One of those that OpenShift gives; without root podman has 65,536 of them.
  user=1000650000:0
  ((EUID == 0)) || user=54321:0
  grace="$(sed -n 's/^ *terminationGracePeriodSeconds: //p' "$deploy/kubernetes/deployment.yaml")"
  read -ra arguments < <(sed -n 's/^ *args: \[\(.*\)\]$/\1/p' "$deploy/kubernetes/deployment.yaml" | tr -d '",') ||
    fail "deployment.yaml does not say with what arguments"
  options=()
  if [[ -z ${DATABASE_URL:-} ]]; then
    password="$(random)"
    database_port="$(free_port)"
    DATABASE_URL="postgres://postgres:$password@127.0.0.1:$database_port/postgres"
    podman run --detach --name "$name-postgres" --network host --env "POSTGRES_PASSWORD=$password" "$postgres_image" \
      -c listen_addresses=127.0.0.1 -c "port=$database_port" >/dev/null
    wait_for "$name-postgres" podman exec "$name-postgres" pg_isready --host 127.0.0.1 --port "$database_port"
  fi
  echo "HIGHWATER_DATABASE_URL=$DATABASE_URL" >>"$folder/env"
fi

start() {
  # podman would write the user into /etc/passwd and lay a tmpfs over more than /tmp; a cluster need not.
  podman run --detach --name "$name" --network host --user "$user" --passwd=false --read-only --read-only-tmpfs=false \
    --tmpfs /tmp:rw,mode=1777,size=64m --cap-drop all --security-opt no-new-privileges --env-file "$folder/env" \
    "${options[@]}" "$image" "${arguments[@]}" >/dev/null
  wait_for "$name" ask "$url/readyz"
}

# SIGTERM; after the grace it would be SIGKILL, and another exit code.
stop() {
  podman stop --time "$grace" "$name" >/dev/null
  local code
  code="$(podman inspect --format '{{.State.ExitCode}}' "$name")"
  [[ $code == 0 ]] || fail "it ended with $code"
  podman logs "$name" >"$folder/log" 2>&1
  if grep -Ei 'read-only file system|permission denied|operation not permitted' "$folder/log"; then
    fail "it wanted what it has no right to"
  fi
}

# --- it starts
start
[[ $(ask "$url/healthz") == ok ]] || fail "/healthz is not ok"
done_with "it is up and ready"

process="$(podman exec "$name" cat /proc/1/status)"
for line in "Uid:[[:space:]]*${user%:*}[[:space:]].*" 'CapEff:[[:space:]]*0*' 'CapBnd:[[:space:]]*0*' 'NoNewPrivs:[[:space:]]*1'; do
  grep -qx "$line" <<<"$process" || fail "its process is not as it should be ($line): $process"
done
if podman exec "$name" touch /var/lib/try 2>/dev/null; then
  fail "its root can be written to"
fi
done_with "it is user ${user%:*}, on a read-only root, without capabilities"

# --- the console
[[ $(status_of "$url/api/events") == 401 ]] || fail "events are told without a login"
ask --output "$folder/page" "$url/login"
grep -oE '/pkg/[A-Za-z0-9_.-]+' "$folder/page" | sort -u >"$folder/files" || fail "the page names no files"
for ending in js wasm css; do
  grep -q "\.$ending\$" "$folder/files" || fail "the page names no .$ending"
done
while read -r file; do
  [[ $(status_of "$url$file") == 200 ]] || fail "there is no $file"
done <"$folder/files"
done_with "the console is served"

# --- the first admin, a token, an event
podman logs "$name" >"$folder/log" 2>&1
key="$(sed -n "s|.*$public/join?key=\([0-9a-f]*\).*|\1|p" "$folder/log")"
[[ -n $key ]] || fail "it printed no link for the first admin; is the database empty?"
send --dump-header "$folder/headers" --data "{\"key\":\"$key\",\"name\":\"try\",\"password\":\"$(random)\"}" "$url/api/join"
cookie="$(sed -n 's/^set-cookie: \([^;]*\);.*/\1/Ip' "$folder/headers")"
send --header "Cookie: $cookie" --data '{"name":"try","rights":["append","read"],"days":1}' "$url/api/tokens"
bearer="Authorization: Bearer $(sed -n 's/.*"secret":"\([^"]*\)".*/\1/p' "$folder/answer")"
send --header "$bearer" --header 'Expected-Version: none' --data '[{"type":"ImageTried","data":{}}]' "$url/api/streams/image-1/events"
has_event() {
  ask --header "$bearer" "$url/api/streams/image-1/events" | grep -q '"type":"ImageTried"'
}
has_event || fail "the event is not there"
done_with "the first admin got in, a token appended an event and read it"

# --- it stops, and another one goes on
stop
done_with "SIGTERM ended it in order"
podman rm "$name" >/dev/null
start
has_event || fail "the next one has not got the event"
stop
done_with "the next one went on from there"
