# shellcheck shell=bash
# shellcheck disable=SC2154 # settings.sh has them
# Sourced by scripts/cluster: the cluster's programs, built from Go modules into $programs_folder, static and without a
# registry of images. A program whose stamp (name and version) is there is not built again.

# Seconds on two cores with an empty Go cache, in the order in which later ones use what earlier ones compiled.
kubernetes_programs="kube-apiserver:209 kube-controller-manager:52 kube-scheduler:4 kubelet:15 kube-proxy:7 kubectl:21"
containerd_programs="containerd containerd-shim-runc-v2 ctr"

# Names as "build" takes them; each driver says which it needs.
programs_for() { # driver
  case $1 in
    local) echo "etcd kube-apiserver kube-controller-manager kube-scheduler kubelet kube-proxy kubectl containerd coredns pause nats-server" ;;
    kind) echo "kind kubectl nats-server" ;;
  esac
}

version_of_program() {
  case $1 in
    etcd) echo "$etcd_version" ;;
    containerd) echo "$containerd_version" ;;
    coredns) echo "$coredns_version" ;;
    nats-server) echo "$nats_version" ;;
    kind) echo "$kind_version" ;;
    kwok) echo "$kwok_version" ;;
    pause) echo v1 ;;
    kube*) echo "$kubernetes_version" ;;
    *) fail "there is no program \"$1\"." "There are: $(programs_for local) kind kwok" ;;
  esac
}

stamp_of() { printf '%s\n' "$programs_folder/.$1-$(version_of_program "$1")"; }

missing_programs() { # names…
  local name
  for name in "$@"; do [ -e "$(stamp_of "$name")" ] || printf '%s\n' "$name"; done
}

require_programs() {
  local missing
  # shellcheck disable=SC2046 # a list of names
  missing=$(missing_programs $(programs_for "$driver") | tr '\n' ' ')
  [ -z "$missing" ] || fail "these programs of the cluster are not built: $missing" "Run: scripts/cluster build"
}

seconds_for() {
  case $1 in
    kube*) printf '%s\n' "$kubernetes_programs" | tr ' ' '\n' | sed -n "s/^$1://p" ;;
    etcd) echo 23 ;;
    containerd) echo 53 ;;
    coredns) echo 78 ;;
    nats-server) echo 32 ;;
    kind) echo 30 ;;
    kwok) echo 95 ;;
    pause) echo 3 ;;
  esac
}

# An empty module of its own for each source, so that no go.mod of ours takes part.
enter_module() { # folder
  mkdir -p "$sources_folder/$1"
  cd "$sources_folder/$1"
  rm -f go.mod go.sum
  printf 'module darkroom.test/%s\n\ngo %s.0\n' "$1" "$min_go" >go.mod
}

go_build() { # output, package, linker flags
  go build -ldflags "-s -w ${3:-}" -o "$work/$1" "$2"
  # A rename, so that nobody ever runs half a program.
  mv -f "$work/$1" "$programs_folder/$1"
}

build_kubernetes() { # program
  local module_file built date part minor package flags=
  module_file=$(go mod download -json "k8s.io/kubernetes@$kubernetes_version" | sed -n 's/.*"GoMod": "\(.*\)",/\1/p')
  [ -n "$module_file" ] || fail "the Go module k8s.io/kubernetes@$kubernetes_version could not be fetched." "Reach the Go module proxy ('go env GOPROXY')."
  date=$(sed -n 's/.*"Time":"\([^"]*\)".*/\1/p' "${module_file%.mod}.info")
  if ! grep -q "k8s.io/kubernetes $kubernetes_version" "$sources_folder/kubernetes/go.mod" 2>/dev/null; then
    enter_module kubernetes
    # Replace directives of a dependency do not count, so the staging modules that Kubernetes replaces by folders of its own
    # are replaced by the published version of each.
    sed -nE 's#^[[:space:]]*(replace )?(k8s\.io/[^ ]+) => \./staging/.*#\2#p' "$module_file" | while IFS= read -r part; do
      go mod edit -replace "$part=$part@v0${kubernetes_version#v1}"
    done
    go get "k8s.io/kubernetes@$kubernetes_version"
  fi
  cd "$sources_folder/kubernetes"
  minor=${kubernetes_version#v1.}
  for package in k8s.io/component-base/version k8s.io/client-go/pkg/version; do
    flags="$flags -X $package.gitVersion=$kubernetes_version -X $package.gitMajor=1 -X $package.gitMinor=${minor%%.*}"
    flags="$flags -X $package.gitTreeState=archive -X $package.gitCommit=module -X $package.buildDate=$date"
  done
  for built in "$@"; do go_build "$built" "k8s.io/kubernetes/cmd/$built" "$flags"; done
}

build_etcd() {
  enter_module etcd
  go get "go.etcd.io/etcd/server/v3@$etcd_version"
  go_build etcd go.etcd.io/etcd/server/v3
}

build_containerd() {
  local program
  enter_module containerd
  go get "github.com/containerd/containerd/v2@$containerd_version"
  for program in $containerd_programs; do
    go_build "$program" "github.com/containerd/containerd/v2/cmd/$program" "-X github.com/containerd/containerd/v2/version.Version=$containerd_version"
  done
}

# CoreDNS' own main program links every plugin (cloud providers, tracing …) and takes four times as long.
build_coredns() {
  enter_module coredns
  cp "$cluster_parts/programs/coredns.go.txt" main.go
  go mod edit "-require=github.com/coredns/coredns@$coredns_version"
  go_build coredns .
}

# What holds a pod's namespaces; in Go, so that no C compiler is needed.
build_pause() {
  enter_module pause
  cp "$cluster_parts/programs/pause.go.txt" main.go
  go_build pause .
}

build_nats_server() {
  enter_module nats
  go get "github.com/nats-io/nats-server/v2@$nats_version"
  GOOS=linux go_build nats-server github.com/nats-io/nats-server/v2
}

build_kind() {
  enter_module kind
  go get "sigs.k8s.io/kind@$kind_version"
  go_build kind sigs.k8s.io/kind
}

# Fake kubelets for bench/scale; no cluster of tests runs it.
build_kwok() {
  enter_module kwok
  go get "sigs.k8s.io/kwok@$kwok_version"
  go_build kwok sigs.k8s.io/kwok/cmd/kwok
}

build_programs() { # names…
  local name missing seconds=0 began
  missing=$(missing_programs "$@" | tr '\n' ' ')
  if [ -z "$missing" ]; then
    say "The cluster's programs are built ($programs_folder)."
    return
  fi
  require_go
  for name in $missing; do seconds=$((seconds + $(seconds_for "$name"))); done
  say "Building $missing" \
    "from Go modules, once: about $((seconds / 60 + 1)) min on two idle cores with an empty Go cache, plus downloads."
  require_room 8 "$programs_folder"
  mkdir -p "$sources_folder"
  work=$(mktemp -d "$programs_folder/.building.XXXXXX")
  for name in $missing; do
    began=$SECONDS
    say "  $name $(version_of_program "$name") (about $(seconds_for "$name") s) …"
    # An empty GOFLAGS of somebody's, or a workspace around us, must not change what is built. "set -e" does not reach
    # into what "||" guards, so the answer is taken from a subshell.
    set +e
    (
      set -e
      export CGO_ENABLED=0 GOFLAGS="-mod=mod -trimpath -buildvcs=false" GOWORK=off
      case $name in
        kube*) build_kubernetes "$name" ;;
        *) "build_$(printf '%s' "$name" | tr - _)" ;;
      esac
    ) >"$work/log" 2>&1
    local code=$?
    set -e
    if [ "$code" -ne 0 ]; then
      tail -n 20 "$work/log" >&2
      rm -rf "$work"
      fail "$name could not be built; the last words of Go are above." "No network: check 'go env GOPROXY'. No room: about 7 GB are needed for Go's caches."
    fi
    touch "$(stamp_of "$name")"
    say "  $name: $((SECONDS - began)) s"
  done
  rm -rf "$work"
}
