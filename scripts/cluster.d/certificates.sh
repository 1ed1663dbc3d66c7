# shellcheck shell=bash
# shellcheck disable=SC2154 # settings.sh has them
# Sourced by local.sh: one authority, a certificate for every component, kubeconfigs with them.

keys_folder=$run_folder/keys
authority_days=30
new_key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes)

certificate() { # name, subject, alternative names
  openssl req -new "${new_key[@]}" -keyout "$keys_folder/$1.key" -subj "$2" 2>>"$run_folder/openssl.log" |
    openssl x509 -req -CA "$keys_folder/ca.crt" -CAkey "$keys_folder/ca.key" -days "$authority_days" -out "$keys_folder/$1.crt" 2>>"$run_folder/openssl.log" -extfile <(
      echo "keyUsage=digitalSignature"
      echo "extendedKeyUsage=serverAuth,clientAuth"
      [ -z "${3:-}" ] || echo "subjectAltName=$3"
    )
}

encoded() { base64 <"$1" | tr -d '\n'; }

write_kubeconfig() { # file, certificate
  cat >"$1" <<YAML
apiVersion: v1
kind: Config
current-context: $cluster_name
contexts: [{name: $cluster_name, context: {cluster: $cluster_name, user: $2}}]
clusters: [{name: $cluster_name, cluster: {server: "$api_url", certificate-authority-data: $(encoded "$keys_folder/ca.crt")}}]
users: [{name: $2, user: {client-certificate-data: $(encoded "$keys_folder/$2.crt"), client-key-data: $(encoded "$keys_folder/$2.key")}}]
YAML
}

write_keys() {
  local part name=kubernetes.default
  mkdir -p "$keys_folder"
  openssl req -x509 "${new_key[@]}" -days "$authority_days" -subj "/CN=$cluster_name-ca" \
    -addext "keyUsage=critical,keyCertSign,cRLSign,digitalSignature" -keyout "$keys_folder/ca.key" -out "$keys_folder/ca.crt" 2>>"$run_folder/openssl.log"
  openssl ecparam -name prime256v1 -genkey -noout -out "$keys_folder/sa.key"
  openssl ec -in "$keys_folder/sa.key" -pubout -out "$keys_folder/sa.pub" 2>>"$run_folder/openssl.log"
  certificate apiserver /CN=kube-apiserver "IP:$host_address,IP:$api_service_address,DNS:kubernetes,DNS:$name,DNS:$name.svc,DNS:$name.svc.cluster.local"
  certificate apiserver-kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client
  certificate admin /O=system:masters/CN=admin
  write_kubeconfig "$kubeconfig" admin
  for part in controller-manager scheduler proxy; do
    certificate "kube-$part" "/CN=system:kube-$part"
    write_kubeconfig "$run_folder/kube-$part.conf" "kube-$part"
  done
}
