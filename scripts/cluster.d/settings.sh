# shellcheck shell=bash
# shellcheck disable=SC2034 # the others use them
# Sourced by scripts/cluster and by its nodes: versions, places and addresses, each in this one place.

kubernetes_version=v1.36.3
etcd_version=v3.7.3
containerd_version=v2.4.2
coredns_version=v1.15.0
nats_version=v2.15.2
kind_version=v0.33.0
kwok_version=v0.8.0
npm_version=11.21.2
debian_release=bookworm

cache=${DARKROOM_CACHE:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/darkroom}
programs_folder=$cache/bin    # what Go built
sources_folder=$cache/src     # its modules' go.mod, base images' files
store_folder=$cache/images    # one archive an image, with its id beside it
run_folder=$cache/run         # the running cluster: keys, kubeconfigs, pid files, logs, one folder a node
kubeconfig=$run_folder/admin.conf
kubectl=$programs_folder/kubectl

node_count=${NODES:-1}
gpus_per_node=${GPUS:-0}
volumes_per_node=${VOLUMES:-4}
gpu_product=${GPU_PRODUCT:-NVIDIA-H100-80GB-HBM3}
cluster_name=darkroom

# Node i is 10.200.0.i, its pods are 10.244.i.0/24. The control plane is the last address of the nodes' network.
node_network=10.200.0
host_address=$node_network.254
pod_network=10.244
service_network=10.96
dns_address=$service_network.0.10
api_service_address=$service_network.0.1
api_port=6443
api_url=https://$host_address:$api_port
bridge=dr0
firewall_table=darkroom
etcd_client_port=22379
etcd_peer_port=22380
controller_manager_port=10257
scheduler_port=10259
ingress_node_port=30080       # as in ingress/ingress.yaml and kind.yaml
max_nodes=9

# A dead node is noticed within grace + toleration, in seconds; the defaults are 50 and 300.
node_grace_s=12
toleration_s=10

# How long what is waited for may take, in seconds, on a machine that also does other things.
api_server_wait_s=120
nodes_wait_s=180
