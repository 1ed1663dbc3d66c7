# shellcheck shell=bash
# shellcheck disable=SC2154 # settings.sh has them
# Sourced by scripts/cluster: what is the same for kind and for the local cluster. Both offer the functions driver_*.

# Seconds since the machine started, to the hundredth where the system tells.
uptime_cs() {
  local seconds rest
  if [ -r /proc/uptime ]; then
    read -r seconds rest </proc/uptime
    printf '%s\n' "${seconds%.*}${seconds#*.}"
  else
    printf '%s00\n' "$SECONDS"
  fi
}
began_cs=$(uptime_cs)
step() {
  local took=$(($(uptime_cs) - began_cs))
  say "$(printf '%4d.%01d s  ' $((took / 100)) $((took % 100 / 10)))$*"
}

run_kubectl() { "$kubectl" --kubeconfig "$kubeconfig" "$@"; }

# "until", with an end: seconds, what is waited for, a command.
wait_for() {
  local limit_s=$1 what=$2 end
  shift 2
  end=$((SECONDS + limit_s))
  until "$@" >/dev/null 2>&1; do
    if [ "$SECONDS" -ge "$end" ]; then
      driver_diagnose >&2 || true
      fail "$what did not happen within $limit_s s." "The logs are in $run_folder. 'scripts/cluster down' removes what was started."
    fi
    sleep 0.1
  done
}

is_ready() { run_kubectl get --raw /readyz --request-timeout=5s; }

# Clients of a cluster that is gone could reach somebody else under its addresses: they are not let through.
require_ready() {
  [ -s "$run_folder/driver" ] || fail "no cluster runs (nothing in $run_folder)." "Start one: scripts/cluster up"
  driver_is_there || fail "the cluster of $run_folder no longer runs." "Clean up and start anew: scripts/cluster down && scripts/cluster up"
  is_ready >/dev/null 2>&1 || fail "the cluster's API server is not ready (/readyz)." "Wait, or see scripts/cluster status and the logs in $run_folder."
}

cluster_runs() { [ -s "$run_folder/driver" ] && driver_is_there; }

build_all() { # programs…
  if [ $# -gt 0 ]; then
    build_programs "$@"
    return
  fi
  driver_require_tools
  # shellcheck disable=SC2046 # a list of names
  build_programs $(programs_for "$driver")
  began_cs=$(uptime_cs)
  build_cluster_images
  step "images of the cluster are in the store"
}

offer_gpus() { # node, count
  run_kubectl patch node "$1" --subresource=status --type=json --patch \
    "[{\"op\":\"add\",\"path\":\"/status/capacity/nvidia.com~1gpu\",\"value\":\"$2\"}]" >/dev/null
}

# What NVIDIA's device plugin and feature discovery would tell about a node.
dress_node() { # node
  [ "$gpus_per_node" -gt 0 ] || return 0
  offer_gpus "$1" "$gpus_per_node"
  run_kubectl label node "$1" --overwrite "nvidia.com/gpu.product=$gpu_product" nvidia.com/gpu.present=true >/dev/null
}

node_names() { for number in $(seq "$(cat "$run_folder/nodes")"); do node_name "$number"; done; }

is_whole() { # deployments and daemon sets of the cluster itself are ready
  run_kubectl -n kube-system rollout status deployment/coredns --timeout=1s &&
    run_kubectl -n ingress-nginx rollout status daemonset/ingress --timeout=1s
}

cluster_up() {
  local node
  case $node_count in
    [1-9]) [ "$node_count" -le "$max_nodes" ] ;;
    *) fail "NODES is \"$node_count\", but between 1 and $max_nodes nodes are possible." ;;
  esac
  case $gpus_per_node in
    '' | *[!0-9]*) fail "GPUS is \"$gpus_per_node\", but a number is wanted." ;;
  esac
  driver_require_tools
  if [ -d "$run_folder" ]; then
    if cluster_runs; then fail "a cluster runs already ($run_folder)." "Use it (scripts/cluster status), or stop it: scripts/cluster down"; fi
    say "Removing what an earlier cluster left in $run_folder."
    driver_down
  fi
  require_programs
  require_images
  say "Starting a $driver cluster: nodes: $node_count, GPUs a node: $gpus_per_node. Usually $(driver_usual_time)."
  began_cs=$(uptime_cs)
  mkdir -p "$cache"
  mkdir "$run_folder" 2>/dev/null || fail "another scripts/cluster up is at work in $run_folder."
  chmod 700 "$run_folder"
  printf '%s\n' "$driver" >"$run_folder/driver"
  printf '%s\n' "$node_count" >"$run_folder/nodes"
  driver_up
  for node in $(node_names); do
    wait_for "$nodes_wait_s" "the registration of node $node" run_kubectl get node "$node"
    dress_node "$node"
  done
  wait_for "$nodes_wait_s" "readiness of all nodes" run_kubectl wait --for=condition=Ready node --all --timeout=1s
  step "nodes ready"
  run_kubectl apply -f "$cluster_parts/ingress/ingress.yaml" >/dev/null
  wait_for "$nodes_wait_s" "readiness of DNS and the ingress controller" is_whole
  step "DNS and ingress controller ready"
  say "Ready. For kubectl and tests: eval \"\$(scripts/cluster env)\"; to stop it: scripts/cluster down"
}

require_images() {
  local image
  for image in $(images_for "$driver"); do
    [ -e "$(archive_of "$image").id" ] || fail "the image $image of the cluster is not in the store." "Run: scripts/cluster build"
  done
}

ingress_urls() {
  local address urls=
  for address in $(driver_ingress_addresses); do urls="$urls http://$address:$ingress_node_port"; done
  printf '%s\n' "${urls# }"
}

print_environment() {
  require_ready
  cat <<LINES
export KUBECONFIG=$kubeconfig
export KUBECTL=$kubectl
export DARKROOM_CLUSTER=$driver
export INGRESS_URLS="$(ingress_urls)"
LINES
}

cluster_status() {
  if [ ! -s "$run_folder/driver" ]; then
    say "No cluster runs (nothing in $run_folder)."
    exit 1
  fi
  say "A $driver cluster, nodes: $(cat "$run_folder/nodes"), in $run_folder"
  driver_is_there || fail "it no longer runs." "Clean up: scripts/cluster down"
  driver_processes
  is_ready >/dev/null 2>&1 || fail "its API server is not ready."
  run_kubectl get nodes -o 'custom-columns=NODE:.metadata.name,READY:.status.conditions[?(@.type=="Ready")].status,VERSION:.status.nodeInfo.kubeletVersion,GPUS:.status.allocatable.nvidia\.com/gpu'
  run_kubectl get pods --all-namespaces --field-selector=status.phase!=Running,status.phase!=Succeeded 2>/dev/null || true
  say "Ingress: $(ingress_urls)"
}
