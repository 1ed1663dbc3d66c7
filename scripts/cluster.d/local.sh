# shellcheck shell=bash
# shellcheck disable=SC2154 # settings.sh has them
# Sourced by scripts/cluster: the local cluster. etcd, API server, controller manager and scheduler run on this machine;
# each node runs in namespaces of its own (node.sh). A bridge joins them; nothing is forwarded to any other network.
# shellcheck source=scripts/cluster.d/certificates.sh
. "$cluster_parts/certificates.sh"

control_plane="etcd kube-apiserver kube-controller-manager kube-scheduler"
# What kubelet and containerd want at constant places: each node mounts its own there.
node_folders="/var/lib/kubelet /var/lib/containerd /var/lib/cni /var/lib/volumes /run/containerd /run/netns /etc/cni/net.d /var/log/pods /var/log/containers"
# kubelet changes these for the whole machine; they are put back.
machine_settings="vm/overcommit_memory kernel/panic kernel/panic_on_oops kernel/keys/root_maxkeys kernel/keys/root_maxbytes"

driver_usual_time() { echo "10 to 20 s, more on a busy machine"; }
driver_require_tools() { require_root && require_tools; }

# "pid start-time" of a process: an id alone may be somebody else's by now. One that ended and that nobody collected is none.
identity_of() { # pid
  local stat fields
  read -r stat <"/proc/$1/stat" || return 1
  read -r -a fields <<<"${stat##*) }"
  [ "${fields[0]}" != Z ] || return 1
  printf '%s %s\n' "$1" "${fields[19]}"
} 2>/dev/null

still_runs() { # pid file
  local known pid
  known=$(cat "$1" 2>/dev/null) || return 1
  pid=${known%% *}
  [ -n "$pid" ] && [ "$(identity_of "$pid")" = "$known" ]
}

end_process() { # pid file
  if still_runs "$1"; then
    read -r pid _ <"$1"
    kill -KILL "$pid" 2>/dev/null || true
  fi
}

driver_is_there() { [ -e "$run_folder/bridge" ] && ip -4 -o addr show dev "$bridge" 2>/dev/null | grep -q " $host_address/" && any_part_runs; }

# The network outlives programs that were all killed at once; then nothing is there that anybody could wait for.
any_part_runs() {
  local pid_file
  for pid_file in "$run_folder"/*.pid; do
    if still_runs "$pid_file"; then return 0; fi
  done
  return 1
}

# In the background, in a session of its own, with a log, a pid file and a script to run it again.
run_part() { # name, command…
  local name=$1
  shift
  printf '#!/bin/sh\nexec setsid %s >>%q 2>&1 </dev/null\n' "$(printf '%q ' "$@")" "$run_folder/$name.log" >"$run_folder/$name.sh"
  driver_start "$name"
}

driver_start() { # name
  [ -e "$run_folder/$1.sh" ] || fail "there is no part \"$1\"." "There are: $control_plane"
  sh "$run_folder/$1.sh" &
  identity_of $! >"$run_folder/$1.pid"
}

driver_stop() { # name
  [ -e "$run_folder/$1.pid" ] || fail "there is no part \"$1\"." "There are: $control_plane"
  end_process "$run_folder/$1.pid"
}

make_network() {
  local number
  ip link add "$bridge" type bridge
  touch "$run_folder/bridge"
  ip addr add "$host_address/24" dev "$bridge"
  ip link set "$bridge" up
  nft add table inet "$firewall_table"
  nft "add chain inet $firewall_table forward { type filter hook forward priority -10; }"
  nft add rule inet "$firewall_table" forward iifname "$bridge" oifname != "$bridge" drop
  nft add rule inet "$firewall_table" forward oifname "$bridge" iifname != "$bridge" drop
  ip route add "$service_network.0.0/16" via "$node_network.1"
  for number in $(seq "$node_count"); do ip route add "$pod_network.$number.0/24" via "$node_network.$number"; done
}

write_node_files() { # number
  local folder=$run_folder/n$1 file
  mkdir -p "$folder"
  certificate "n$1" "/O=system:nodes/CN=system:node:n$1" "DNS:n$1,IP:$node_network.$1"
  write_kubeconfig "$folder/kubelet.conf" "n$1"
  for file in kubelet.yaml kube-proxy.yaml cni.conflist containerd.toml; do
    sed -e "s#@N@#$1#g" -e "s#@POD_CIDR@#$pod_network.$1.0/24#g" -e "s#@ALL_PODS@#$pod_network.0.0/16#g" \
      -e "s#@RUN@#$run_folder#g" -e "s#@PKI@#$keys_folder#g" -e "s#@DNS@#$dns_address#g" -e "s#@PAUSE@#$pause_image#g" \
      -e "s#@CNI_BIN@#$cni_folder#g" -e "s#@RUNC@#$(PATH=$PATH:/usr/sbin command -v runc)#g" "$cluster_parts/config/$file" >"$folder/$file"
  done
}

start_api_server() {
  local etcd_url=http://127.0.0.1:$etcd_client_port issuer=https://kubernetes.default.svc.cluster.local
  run_part etcd "$programs_folder/etcd" --data-dir="$run_folder/etcd" --unsafe-no-fsync --log-level=error \
    --listen-client-urls="$etcd_url" --advertise-client-urls="$etcd_url" --listen-peer-urls="http://127.0.0.1:$etcd_peer_port"
  # Bound to the bridge's address, because it is what pods are told behind the kubernetes Service.
  run_part kube-apiserver "$programs_folder/kube-apiserver" --etcd-servers="$etcd_url" \
    --bind-address="$host_address" --advertise-address="$host_address" --secure-port="$api_port" --anonymous-auth=false \
    --tls-cert-file="$keys_folder/apiserver.crt" --tls-private-key-file="$keys_folder/apiserver.key" --client-ca-file="$keys_folder/ca.crt" \
    --kubelet-client-certificate="$keys_folder/apiserver-kubelet-client.crt" --kubelet-client-key="$keys_folder/apiserver-kubelet-client.key" \
    --kubelet-certificate-authority="$keys_folder/ca.crt" --kubelet-preferred-address-types=InternalIP \
    --service-account-issuer="$issuer" --service-account-key-file="$keys_folder/sa.pub" --service-account-signing-key-file="$keys_folder/sa.key" \
    --service-cluster-ip-range="$service_network.0.0/16" --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction \
    --allow-privileged=true --default-not-ready-toleration-seconds="$toleration_s" --default-unreachable-toleration-seconds="$toleration_s"
}

# Once the API server is ready: the controller manager ends when it waited 10 s in vain.
start_controllers() {
  # Its default rate limit alone costs 4 s at the start.
  run_part kube-controller-manager "$programs_folder/kube-controller-manager" --kubeconfig="$run_folder/kube-controller-manager.conf" \
    --leader-elect=false --bind-address=127.0.0.1 --secure-port="$controller_manager_port" --use-service-account-credentials=true \
    --kube-api-qps=500 --kube-api-burst=1000 --root-ca-file="$keys_folder/ca.crt" --service-account-private-key-file="$keys_folder/sa.key" \
    --controllers='*,-nodeipam' --node-monitor-period=2s --node-monitor-grace-period="${node_grace_s}s"
  run_part kube-scheduler "$programs_folder/kube-scheduler" --kubeconfig="$run_folder/kube-scheduler.conf" \
    --leader-elect=false --bind-address=127.0.0.1 --secure-port="$scheduler_port"
}

# Folders that a node mounts over must exist on the host; those made for it are remembered, to be removed again.
make_node_folders() {
  local path part
  for path in $node_folders; do
    printf '%s\n' "$path" >>"$run_folder/node-folders"
    part=
    printf '%s\n' "${path#/}" | tr / '\n' | while IFS= read -r name; do
      part=$part/$name
      [ -d "$part" ] || { mkdir "$part" && printf '%s\n' "$part" >>"$run_folder/made-folders"; }
    done
  done
}

remember_machine_settings() {
  local setting
  for setting in $machine_settings; do
    [ ! -r "/proc/sys/$setting" ] || printf '%s %s\n' "$setting" "$(cat "/proc/sys/$setting")"
  done >"$run_folder/machine-settings"
}

# kubelet gets a cgroup of its own in every hierarchy (v1), or one with every controller (v2).
make_node_cgroups() { # number
  local base folder controller
  # What a crash left of its pods' cgroups: kubelet would wait 3 s for each.
  find /sys/fs/cgroup -depth -mindepth 3 -type d -path "*/darkroom/n$1/*" -exec rmdir {} + 2>/dev/null || true
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
    mkdir -p "/sys/fs/cgroup/darkroom/n$1"
    for folder in /sys/fs/cgroup /sys/fs/cgroup/darkroom; do
      # shellcheck disable=SC2013 # one line of words
      for controller in $(cat "$folder/cgroup.controllers"); do echo "+$controller" >"$folder/cgroup.subtree_control" || true; done
    done
    return
  fi
  for base in /sys/fs/cgroup/*/; do
    mkdir -p "${base}darkroom/n$1"
    # A cpuset starts empty, and nothing runs in an empty one.
    [ ! -e "${base}cpuset.cpus" ] || for folder in "${base}darkroom" "${base}darkroom/n$1"; do
      cat "${base}cpuset.cpus" >"$folder/cpuset.cpus"
      cat "${base}cpuset.mems" >"$folder/cpuset.mems"
    done
  done
}

driver_boot() { # number
  local folder=$run_folder/n$1 pid
  if still_runs "$run_folder/n$1.init.pid"; then fail "node $1 runs."; fi
  make_node_cgroups "$1"
  rm -f "$run_folder/n$1.init.pid" "$folder/booted"
  DARKROOM_CACHE=$cache VOLUMES=$volumes_per_node setsid unshare --mount --net --pid --uts --fork --kill-child \
    bash "$cluster_parts/node.sh" "$1" >>"$folder/init.log" 2>&1 </dev/null &
  wait_for 20 "the start of node $1" test -e "$run_folder/n$1.init.pid"
  read -r pid _ <"$run_folder/n$1.init.pid"
  ip link add "${bridge}n$1" type veth peer name eth0 netns "$pid"
  ip link set "${bridge}n$1" master "$bridge" up
}

write_volumes() {
  local number volume
  cat "$cluster_parts/config/storage.yaml"
  for number in $(seq "$node_count"); do
    for volume in $(seq "$volumes_per_node"); do
      printf -- '---\n'
      sed -e "s#@N@#$number#g" -e "s#@VOLUME@#$volume#g" "$cluster_parts/config/volume.yaml"
    done
  done
}

api_server_is_ready() { still_runs "$run_folder/kube-apiserver.pid" && is_ready; }

driver_up() {
  local number loading
  require_free_addresses
  remember_machine_settings
  make_node_folders
  write_keys
  for number in $(seq "$node_count"); do write_node_files "$number"; done
  make_network
  step "keys, configuration and network"
  start_api_server
  for number in $(seq "$node_count"); do driver_boot "$number"; done
  # While the API server starts. A pod whose image is not there yet would wait for its next try.
  load_into_nodes "$store_folder"/*.tar &
  loading=$!
  wait_for "$api_server_wait_s" "readiness of the API server" api_server_is_ready
  start_controllers
  step "API server ready"
  wait "$loading" || fail "the images could not be loaded."
  step "images loaded"
  {
    sed -e "s#@DNS@#$dns_address#g" -e "s#@COREDNS@#$coredns_image#g" "$cluster_parts/config/coredns.yaml"
    printf -- '---\n'
    write_volumes
  } | run_kubectl apply -f - >/dev/null
}

in_node() { # number, command…
  local pid number=$1
  shift
  still_runs "$run_folder/n$number.init.pid" || fail "node $number does not run." "Start it: scripts/cluster boot $number"
  read -r pid _ <"$run_folder/n$number.init.pid"
  PATH=$programs_folder:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin nsenter --target "$pid" --mount --net --pid --uts -- "$@"
}

driver_in() {
  local number
  number=$(node_number "$1")
  shift
  in_node "$number" "$@"
}

# An image that a node has already, by its id, is not loaded again.
load_into_node() { # number, archive
  local mark
  mark=$run_folder/n$1/loaded-$(basename "$2").id
  if [ -e "$2.id" ] && cmp -s "$2.id" "$mark"; then return; fi
  wait_for 30 "containerd of node $1" test -e "$run_folder/n$1/booted"
  in_node "$1" ctr -n k8s.io images import --local "$2" >>"$run_folder/n$1/import.log" 2>&1 ||
    fail "node $1 could not load $2: $(tail -n 1 "$run_folder/n$1/import.log")"
  [ ! -e "$2.id" ] || cp "$2.id" "$mark"
}

# Into all nodes at once; each takes one image after the other, so that shared layers are unpacked once.
load_into_nodes() { # archives…
  local number archive pids=() pid code=0
  for number in $(seq "$(cat "$run_folder/nodes")"); do
    still_runs "$run_folder/n$number.init.pid" || continue
    (for archive in "$@"; do load_into_node "$number" "$archive"; done) &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do wait "$pid" || code=1; done
  return "$code"
}

driver_load() {
  local began=$SECONDS
  load_into_nodes "$1"
  say "Loaded $(basename "$1") into every node ($((SECONDS - began)) s)."
}


node_name() {
  case $1 in
    n[0-9]*) printf '%s\n' "$1" ;;
    *) printf 'n%s\n' "$1" ;;
  esac
}
node_number() {
  local number=${1#n}
  case $number in
    [1-9]) [ -d "$run_folder/n$number" ] ;;
    *) false ;;
  esac || fail "there is no node \"$1\"." "There are: $(cd "$run_folder" 2>/dev/null && echo n[0-9])"
  printf '%s\n' "$number"
}

driver_crash() { end_process "$run_folder/n$1.init.pid"; }
driver_cut() { ip link set "${bridge}n$1" down; }
driver_join() { ip link set "${bridge}n$1" up; }
signal_kubelet() { in_node "$1" bash -c "kill -s $2 $(cat "$run_folder/n$1/kubelet.pid")"; }
driver_freeze() { signal_kubelet "$1" STOP; }
driver_thaw() { signal_kubelet "$1" CONT; }

driver_ingress_addresses() {
  local number
  for number in $(seq "$(cat "$run_folder/nodes")"); do printf '%s\n' "$node_network.$number"; done
}

driver_processes() {
  local name
  for name in $control_plane; do
    still_runs "$run_folder/$name.pid" || say "$name does not run (start it: scripts/cluster start $name)"
  done
  for name in $(node_names); do
    still_runs "$run_folder/$name.init.pid" || say "node $name does not run (start it: scripts/cluster boot $name)"
  done
}

driver_diagnose() {
  local log
  driver_processes
  for log in "$run_folder"/*.log "$run_folder"/n*/*.log; do
    [ -s "$log" ] || continue
    printf -- '--- %s\n' "$log"
    tail -n 5 "$log" | cut -c1-300
  done
  run_kubectl get nodes,pods --all-namespaces --request-timeout=5s 2>&1 || true
}

# The processes, mounts, interfaces and nft tables of a node end with its first process.
driver_down() {
  local file link setting value
  [ -d "$run_folder" ] || { say "No cluster runs." && return; }
  require_root
  for file in "$run_folder"/n*.init.pid "$run_folder"/kube-*.pid "$run_folder/etcd.pid"; do end_process "$file"; done
  for file in "$run_folder"/*.pid; do
    [ ! -e "$file" ] || wait_until_gone "$file"
  done
  if [ -e "$run_folder/bridge" ]; then
    for link in $(ip -o link show | sed -nE "s/^[0-9]+: (${bridge}n[0-9]+)@.*/\1/p") "$bridge"; do ip link del "$link" 2>/dev/null || true; done
    nft delete table inet "$firewall_table" 2>/dev/null || true
  fi
  remove_cgroups
  if [ -e "$run_folder/machine-settings" ]; then
    while read -r setting value; do echo "$value" >"/proc/sys/$setting" || true; done <"$run_folder/machine-settings"
  fi
  # The last made is the innermost. One that somebody uses by now is not empty and stays.
  if [ -e "$run_folder/made-folders" ]; then
    sed '1!G;h;$!d' "$run_folder/made-folders" | while IFS= read -r file; do rmdir "$file" 2>/dev/null || true; done
  fi
  if grep -q " $run_folder/" /proc/self/mounts; then
    fail "something is still mounted under $run_folder, so it is not removed." "See: grep $run_folder /proc/self/mounts"
  fi
  rm -rf "$run_folder"
  say "The cluster is gone."
}

wait_until_gone() { # pid file
  local _
  for _ in $(seq 100); do
    still_runs "$1" || return 0
    sleep 0.1
  done
  fail "process $(cat "$1") of the cluster does not end." "See: ps -p $(cut -d' ' -f1 "$1")"
}

remove_cgroups() {
  local _
  for _ in $(seq 20); do
    find /sys/fs/cgroup -depth -type d -path '*/darkroom*' -exec rmdir {} + 2>/dev/null || true
    [ -n "$(find /sys/fs/cgroup -maxdepth 2 -type d -name darkroom)" ] || return 0
    sleep 0.2
  done
}
