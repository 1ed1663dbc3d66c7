# shellcheck shell=bash
# shellcheck disable=SC2154 # settings.sh has them
# Sourced by scripts/cluster: is everything here that is needed, and is nothing in the way? Each "no" names its fix.

# What the local cluster runs besides what it builds itself, as "program:Debian package".
cluster_tools="buildah:buildah runc:runc nft:nftables mmdebstrap:mmdebstrap openssl:openssl ip:iproute2 nsenter:util-linux unshare:util-linux"
cni_folder=/usr/lib/cni
cni_package=containernetworking-plugins
min_go=1.26

require_arguments() { # count, arguments…
  local count=$1
  shift
  [ $# -ge "$count" ] || fail "\"scripts/cluster $command\" wants $count argument(s), not $#." "See scripts/cluster --help."
}

docker_runs() { command -v docker >/dev/null 2>&1 && docker info >/dev/null 2>&1 </dev/null; }

choose_driver() {
  driver=${DARKROOM_CLUSTER:-}
  # A running cluster is spoken to by what started it.
  if [ -z "$driver" ] && [ -s "$run_folder/driver" ]; then driver=$(cat "$run_folder/driver"); fi
  if [ -z "$driver" ]; then
    if docker_runs; then driver=kind; else driver=local; fi
  fi
  case $driver in
    kind) ;;
    local)
      [ "$(uname -s)" = Linux ] ||
        fail "on $(uname -s) a cluster needs Docker, and no Docker engine answers." "Start Docker (see 'docker info') and run this again."
      ;;
    *) fail "DARKROOM_CLUSTER is \"$driver\", but only kind and local are known." ;;
  esac
}

require_root() {
  [ "$(id -u)" -eq 0 ] ||
    fail "the local cluster needs root: it makes namespaces, a network bridge and cgroups." \
      "Run: sudo env DARKROOM_CACHE=$cache PATH=\"\$PATH\" scripts/cluster $command" \
      "or start Docker, and kind is used instead."
}

missing_packages() {
  local pair
  for pair in $cluster_tools; do
    PATH=$PATH:/usr/sbin:/sbin command -v "${pair%%:*}" >/dev/null 2>&1 || printf '%s\n' "${pair#*:}"
  done
  [ -x "$cni_folder/bridge" ] || printf '%s\n' "$cni_package"
}

require_tools() {
  local missing
  missing=$(missing_packages | sort -u | tr '\n' ' ')
  missing=${missing% }
  [ -z "$missing" ] ||
    fail "the local cluster needs Debian packages that are not installed: $missing." \
      "Run 'scripts/cluster packages' as root, or: apt-get install --no-install-recommends $missing"
}

install_packages_of_debian() {
  local missing
  if [ "$driver" = kind ]; then
    say "Docker runs here, so kind is used, which needs no packages."
    return
  fi
  missing=$(missing_packages | sort -u | tr '\n' ' ')
  if [ -z "$missing" ]; then
    say "Every Debian package that the local cluster needs is installed."
    return
  fi
  command -v apt-get >/dev/null 2>&1 || fail "there is no apt-get here." "Install by other means: $missing"
  require_root
  say "Installing $missing(about 40 MB, usually under a minute)."
  apt-get update -q >&2 </dev/null
  # shellcheck disable=SC2086 # a list of names
  DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing >&2 </dev/null
}

# Go's own toolchain line fetches a newer Go by itself when GOTOOLCHAIN allows; what is needed is Go at all.
require_go() {
  local version major minor
  command -v go >/dev/null 2>&1 || fail "Go is missing: the cluster's programs are built from Go modules." "Install Go $min_go or newer (https://go.dev/dl)."
  version=$(go env GOVERSION)
  version=${version#go}
  major=${version%%.*}
  minor=${version#*.}
  minor=${minor%%[!0-9]*}
  [ "$major" -gt "${min_go%%.*}" ] || [ "$minor" -ge "${min_go#*.}" ] || [ "$(go env GOTOOLCHAIN)" != local ] ||
    fail "Go $version is too old: $min_go or newer is needed." "Install a newer one (https://go.dev/dl), or set GOTOOLCHAIN=auto."
}

require_room() { # gigabytes, folder
  local free_kb
  mkdir -p "$2"
  free_kb=$(df -Pk "$2" | awk 'NR == 2 { print $4 }')
  [ "$free_kb" -gt $(($1 * 1024 * 1024)) ] ||
    fail "$2 has $((free_kb / 1024 / 1024)) GB left, but $1 GB are needed." "Make room, or point DARKROOM_CACHE elsewhere."
}

# Traffic to the cluster must not have another place to go, nor take away somebody's.
require_free_addresses() {
  local prefix taken port
  if ip link show "$bridge" >/dev/null 2>&1; then
    fail "the network interface $bridge exists: another cluster runs on this machine, or one was not stopped." \
      "Stop it with 'scripts/cluster down' and the DARKROOM_CACHE it was started with; if none runs: ip link del $bridge"
  fi
  for prefix in "$node_network.0/24" "$pod_network.0.0/16" "$service_network.0.0/16"; do
    taken=$({
      ip -4 -o route show root "$prefix"
      ip -4 -o route show match "$prefix"
    } | grep -v '^default' | sort -u | head -n 1 || true)
    [ -z "$taken" ] || fail "the addresses $prefix are in use here: $taken" "The cluster has them built in; remove that route or run it on another machine."
  done
  for port in $etcd_client_port $etcd_peer_port $controller_manager_port $scheduler_port; do
    if ss -Hltn "sport = :$port" | grep -q .; then
      fail "port $port of this machine is in use ($(ss -Hltnp "sport = :$port" | sed -n 's/.*users:((\("[^"]*",pid=[0-9]*\).*/\1/p' | head -n 1))." "Stop that program and run this again."
    fi
  done
}
