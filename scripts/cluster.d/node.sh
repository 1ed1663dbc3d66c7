#!/usr/bin/env bash
# A node of the local cluster: started by local.sh as the first process of mount, network, PID and UTS namespaces of its own.
# It runs containerd, kubelet and kube-proxy and starts each again 1 s after it ended, as an init system does. When it is
# killed, everything of the node ends with it.
set -uo pipefail
number=$1
parts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=scripts/cluster.d/settings.sh
. "$parts/settings.sh"

folder=$run_folder/n$number
export PATH=$programs_folder:/usr/sbin:/usr/bin:/sbin:/bin
nodes=$(cat "$run_folder/nodes")

# /proc is still the host's: there this process has the id that the host needs, with its start time.
read -r stat </proc/self/stat
host_pid=${stat%% *}
read -r -a fields <<<"${stat##*) }"
printf '%s %s\n' "$host_pid" "${fields[19]}" >"$folder/init.pid.new"
mv "$folder/init.pid.new" "$run_folder/n$number.init.pid"
mount -t proc proc /proc

keep() { # name, command…
  local name=$1
  shift
  while :; do
    "$@" >>"$folder/$name.log" 2>&1 &
    echo $! >"$folder/$name.pid"
    wait $!
    sleep 1
  done
}

hostname "n$number"
mount --make-rshared / # kubelet's and containerd's mounts reach the containers
while IFS= read -r path; do
  mkdir -p "$folder/root$path"
  mount --bind "$folder/root$path" "$path"
done <"$run_folder/node-folders"
for volume in $(seq "$volumes_per_node"); do mkdir -p "/var/lib/volumes/$volume"; done
for path in /run/netns /run/containerd; do mount -t tmpfs tmpfs "$path"; done
cp "$folder/cni.conflist" /etc/cni/net.d/10-bridge.conflist

until ip link show eth0 >/dev/null 2>&1; do sleep 0.02; done
# Without the last two the host is told to look for a Service's address on the bridge, and connections hang.
for setting in ipv4/ip_forward=1 bridge/bridge-nf-call-iptables=1 ipv4/conf/all/send_redirects=0 ipv4/conf/eth0/send_redirects=0; do
  echo "${setting#*=}" >"/proc/sys/net/${setting%=*}"
done
ip link set lo up
ip addr add "$node_network.$number/24" dev eth0
ip link set eth0 up
# No default route: nothing that a pod or a node sends can leave this machine.
ip route add "$service_network.0.0/16" dev eth0 src "$node_network.$number"
for other in $(seq "$nodes"); do
  [ "$other" = "$number" ] || ip route add "$pod_network.$other.0/24" via "$node_network.$other"
done

keep containerd containerd -c "$folder/containerd.toml" &
until ctr version >/dev/null 2>&1; do sleep 0.05; done
# Pods cannot start without the image that holds their namespaces; the others are loaded while the rest starts.
if [ ! -e "$folder/started-before" ]; then
  ctr -n k8s.io images import --local "$store_folder"/darkroom.test-pause-*.tar >>"$folder/import.log" 2>&1
  touch "$folder/started-before"
fi
keep kubelet kubelet --config "$folder/kubelet.yaml" --kubeconfig "$folder/kubelet.conf" --node-ip="$node_network.$number" &
keep kube-proxy kube-proxy --config "$folder/kube-proxy.yaml" --hostname-override="n$number" &
touch "$folder/booted"
while :; do
  wait
  sleep 1
done
