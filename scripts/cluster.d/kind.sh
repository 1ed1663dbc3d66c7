# shellcheck shell=bash
# shellcheck disable=SC2154 # settings.sh has them
# Sourced by scripts/cluster: the same cluster by kind, where a Docker engine runs: a control plane and $node_count workers.

kind=$programs_folder/kind
control_plane_node=$cluster_name-control-plane
static_pods=/etc/kubernetes/manifests
parked_pods=/etc/kubernetes/parked

driver_usual_time() { echo "1 to 2 min, and a download of about 400 MB the first time"; }

driver_require_tools() {
  docker_runs || fail "no Docker engine answers." "Start Docker (see 'docker info'); on Linux, DARKROOM_CLUSTER=local does without."
}

driver_is_there() { [ "$(docker inspect --format '{{.State.Running}}' "$control_plane_node" 2>/dev/null)" = true ]; }

# kind.yaml has the control plane; a worker is a line.
kind_configuration() {
  local number
  cat "$cluster_parts/kind.yaml"
  for number in $(seq "$node_count"); do printf '  - role: worker\n'; done
}

driver_up() {
  kind_configuration >"$run_folder/kind.yaml"
  "$kind" create cluster --name "$cluster_name" --config "$run_folder/kind.yaml" --kubeconfig "$kubeconfig" --wait 120s >"$run_folder/kind.log" 2>&1 ||
    {
      tail -n 20 "$run_folder/kind.log" >&2
      fail "kind could not make the cluster; its last words are above." "'scripts/cluster down' removes what was started."
    }
  step "kind's cluster is there"
  driver_load "$nats_image"
  driver_load "$ingress_image"
}

driver_down() {
  [ -d "$run_folder" ] || { say "No cluster runs." && return; }
  "$kind" delete cluster --name "$cluster_name" --kubeconfig "$kubeconfig" >&2
  rm -rf "$run_folder"
}

driver_load() { # an archive or the name of an image that Docker has
  case $1 in
    *.tar) "$kind" load image-archive "$1" --name "$cluster_name" >>"$run_folder/kind.log" 2>&1 ;;
    *) "$kind" load docker-image "$1" --name "$cluster_name" >>"$run_folder/kind.log" 2>&1 ;;
  esac || fail "kind could not load $1: $(tail -n 1 "$run_folder/kind.log")"
}

# kind calls its workers NAME-worker, NAME-worker2, NAME-worker3 …
node_name() {
  case $1 in
    "$cluster_name"-*) printf '%s\n' "$1" ;;
    1) printf '%s-worker\n' "$cluster_name" ;;
    *) printf '%s-worker%s\n' "$cluster_name" "$1" ;;
  esac
}
node_number() {
  local number=${1#"$cluster_name-worker"}
  [ "$number" != "" ] || number=1
  case $number in
    [1-9]) [ "$number" -le "$(cat "$run_folder/nodes")" ] ;;
    *) false ;;
  esac || fail "there is no node \"$1\"." "There are: $(node_names | tr '\n' ' ')"
  printf '%s\n' "$number"
}

in_container() { docker exec "$(node_name "$1")" "${@:2}"; }
driver_in() { docker exec "$(node_name "$(node_number "$1")")" "${@:2}"; }

driver_crash() { docker kill "$(node_name "$1")" >/dev/null; }
driver_boot() { docker start "$(node_name "$1")" >/dev/null; }

# Not "docker network disconnect": the node could come back with another address. The raw table is before everything else.
cut_rules() { # number, -I or -D
  in_container "$1" sh -c "iptables -t raw $2 PREROUTING -i eth0 -j DROP && iptables -t raw $2 OUTPUT -o eth0 -j DROP && iptables -t mangle $2 FORWARD -o eth0 -j DROP"
}
driver_cut() { cut_rules "$1" -I; }
driver_join() { cut_rules "$1" -D; }
driver_freeze() { in_container "$1" systemctl kill --signal=STOP kubelet; }
driver_thaw() { in_container "$1" systemctl kill --signal=CONT kubelet; }

# kubelet runs the control plane from files; one that is moved away ends.
require_static_pod() {
  case $1 in
    etcd | kube-apiserver | kube-controller-manager | kube-scheduler) ;;
    *) fail "there is no part \"$1\"." "There are: etcd kube-apiserver kube-controller-manager kube-scheduler" ;;
  esac
}
driver_stop() { require_static_pod "$1" && docker exec "$control_plane_node" sh -c "mkdir -p $parked_pods && mv $static_pods/$1.yaml $parked_pods/"; }
driver_start() { require_static_pod "$1" && docker exec "$control_plane_node" mv "$parked_pods/$1.yaml" "$static_pods/"; }

# The control plane's port is published on this machine (kind.yaml); every node answers on it for the others.
driver_ingress_addresses() { echo 127.0.0.1; }

driver_processes() { docker ps --filter "label=io.x-k8s.kind.cluster=$cluster_name" --format '{{.Names}}  {{.Status}}'; }
driver_diagnose() {
  driver_processes
  run_kubectl get nodes,pods --all-namespaces --request-timeout=5s 2>&1 || true
}
