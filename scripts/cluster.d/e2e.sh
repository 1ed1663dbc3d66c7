# shellcheck shell=bash
# shellcheck disable=SC2154 # setup.sh has darkroom_root
# Sourced by scripts/test: the cluster of the end-to-end tests, with Darkroom in it. A cluster that runs already is used and
# left running; one that was started here is stopped at the end, also when something fails.

e2e_images="gateway operator agent-cpu agent-test"
e2e_tag=e2e
e2e_overlay=manifests/overlays/kind
e2e_namespace=darkroom
e2e_rollout_s=240
e2e_cluster=$darkroom_root/scripts/cluster
e2e_started=no

e2e_step() { # words, command…
  local words=$1 began=$SECONDS
  shift
  say "== $words"
  "$@" || return 1
  say "== $words: $((SECONDS - began)) s"
}

# Gateway and operator start where nothing is cached: they stay small. Agents bring ONNX Runtime and a model.
largest_mb() { # target
  case $1 in
    gateway | operator) echo 400 ;;
    *) echo 500 ;;
  esac
}

build_e2e_images() {
  local target
  for target in $e2e_images; do
    IMAGE_MAX_MB=$(largest_mb "$target") "$e2e_cluster" image "darkroom.test/$target:$e2e_tag" --target "$target" "$darkroom_root" || return 1
  done
}

start_e2e_cluster() {
  "$e2e_cluster" build || return 1
  if "$e2e_cluster" env >/dev/null 2>&1; then
    say "Using the cluster that runs (it is left running)."
    build_e2e_images
  else
    build_e2e_images || return 1
    e2e_started=yes
    NODES=${NODES:-2} GPUS=${GPUS:-8} "$e2e_cluster" up
  fi
}

apply_darkroom() {
  local kind name
  "$KUBECTL" apply --server-side --force-conflicts -f "$darkroom_root/crds" >&2 || return 1
  "$KUBECTL" wait --for=condition=Established --timeout=60s crd/gpupools.darkroom.dev >&2 || return 1
  "$darkroom_root/scripts/secrets" "$darkroom_root/$e2e_overlay" || return 1
  "$KUBECTL" apply --server-side --force-conflicts -k "$darkroom_root/$e2e_overlay" >&2 || return 1
  for kind in statefulset deployment; do
    for name in $("$KUBECTL" -n "$e2e_namespace" get "$kind" -o name); do
      "$KUBECTL" -n "$e2e_namespace" rollout status "$name" --timeout="${e2e_rollout_s}s" >&2 || return 1
    done
  done
}

# What a person asks first when the set-up or a test failed.
describe_darkroom() {
  local name
  "$KUBECTL" get nodes,gpupools,pods,ingresses --all-namespaces -o wide 2>&1 || true
  "$KUBECTL" -n "$e2e_namespace" get events --sort-by=.lastTimestamp 2>&1 | tail -n 40 || true
  for name in $("$KUBECTL" -n "$e2e_namespace" get pods -o name 2>/dev/null); do
    printf -- '--- %s\n' "$name"
    "$KUBECTL" -n "$e2e_namespace" logs "$name" --all-containers --tail=30 2>&1 || true
  done
}

end_e2e_cluster() {
  [ "$e2e_started" = yes ] || return 0
  "$e2e_cluster" down
}

prepare_e2e() {
  e2e_step "cluster and images" start_e2e_cluster || exit 1
  eval "$("$e2e_cluster" env)"
  e2e_step "Darkroom in the cluster" apply_darkroom || {
    describe_darkroom >&2
    fail "Darkroom did not come up in the cluster; its state is above."
  }
}
