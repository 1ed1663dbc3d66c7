# shellcheck shell=bash
# shellcheck disable=SC2154 # settings.sh has them
# Sourced by scripts/cluster: the store of images. Docker builds where it runs; elsewhere buildah does, on base images that are
# made here from Debian and npm packages under the names that Dockerfiles use. An archive of every image, with the image's id
# beside it, is kept in $store_folder, so that a cluster that starts anew has them all and nothing is saved or loaded twice.

pause_image=darkroom.test/pause:1
coredns_image=darkroom.test/coredns:${coredns_version#v}
nats_image=darkroom.test/nats:${nats_version#v}
ingress_image=darkroom.test/ingress:1
debian_image=debian:$debian_release-slim
node_image=node:24-$debian_release-slim

# What the cluster itself needs before anybody's images.
images_for() { # driver
  case $1 in
    local) echo "$pause_image $coredns_image $nats_image $ingress_image" ;;
    kind) echo "$nats_image $ingress_image" ;;
  esac
}

archive_of() { printf '%s\n' "$store_folder/$(printf '%s' "$1" | tr '/:' '--').tar"; }

# In a mount namespace of its own, so that no mount stays behind.
with_buildah() {
  local verb=$1
  shift
  unshare --mount buildah --root "$cache/buildah" --runroot "$cache/buildah-run" --storage-driver "${STORAGE_DRIVER:-overlay}" "$verb" "$@"
}

# What the npm of this machine was told: a registry of its own, the certificates of a proxy.
npm_settings() {
  local registry
  registry=$(npm config get registry 2>/dev/null || true)
  case $registry in
    http*) printf 'registry=%s\n' "$registry" ;;
  esac
  [ -z "${NODE_EXTRA_CA_CERTS:-}" ] || printf 'cafile=/run/host-ca.pem\n'
}

# Prints the id of the image.
build_image() { # tag, arguments of docker build…
  local tag=$1 ids log code=0
  shift
  mkdir -p "$sources_folder"
  ids=$(mktemp "$sources_folder/image-id.XXXXXX")
  log=$ids.log
  if [ "$driver" = kind ]; then
    docker build --quiet --iidfile "$ids" --tag "$tag" "$@" >"$log" 2>&1 </dev/null || code=$?
  else
    local options=(--isolation chroot --pull-never --layers --format docker --force-rm)
    npm_settings >"$sources_folder/npmrc"
    options+=(--volume "$sources_folder/npmrc:/usr/local/etc/npmrc:ro")
    [ -z "${NODE_EXTRA_CA_CERTS:-}" ] || options+=(--volume "$NODE_EXTRA_CA_CERTS:/run/host-ca.pem:ro")
    with_buildah build "${options[@]}" --iidfile "$ids" --tag "$tag" "$@" >"$log" 2>&1 </dev/null || code=$?
  fi
  if [ "$code" -ne 0 ]; then
    tail -n 25 "$log" >&2
    rm -f "$ids" "$log"
    fail "the image $tag could not be built; the builder's last words are above."
  fi
  cat "$ids"
  rm -f "$ids" "$log"
}

save_image() { # tag id
  local archive
  archive=$(archive_of "$1")
  if [ "$(cat "$archive.id" 2>/dev/null || true)" = "$2" ] && [ -s "$archive" ]; then return; fi
  mkdir -p "$store_folder"
  rm -f "$archive.new" "$archive.id"
  with_buildah push --quiet "$1" "docker-archive:$archive.new:$1" >/dev/null
  mv -f "$archive.new" "$archive"
  printf '%s\n' "$2" >"$archive.id"
}

# One static program on nothing, as an unprivileged user.
program_image() { # tag, program
  local folder id
  folder=$(mktemp -d "$sources_folder/image.XXXXXX")
  mkdir "$folder/bin" "$folder/tmp"
  chmod 1777 "$folder/tmp"
  cp "$programs_folder/$2" "$folder/bin/"
  printf 'FROM scratch\nCOPY bin /bin\nCOPY tmp /tmp\nENV PATH=/bin\nUSER 65532:65532\nENTRYPOINT ["/bin/%s"]\n' "$2" >"$folder/Dockerfile"
  id=$(build_image "$1" "$folder")
  rm -rf "$folder"
  keep_image "$1" "$id"
}

keep_image() { # tag id
  if [ "$driver" = local ]; then
    save_image "$1" "$2"
  else
    mkdir -p "$store_folder"
    printf '%s\n' "$2" >"$(archive_of "$1").id"
  fi
}

has_base_image() { with_buildah images --quiet "$1" >/dev/null 2>&1; }

build_base_images() {
  local folder=$sources_folder/base own_node
  if has_base_image "$node_image"; then return; fi
  say "Making the base images $debian_image and $node_image from Debian and npm packages, once: about a minute."
  mkdir -p "$folder/node"
  if [ ! -s "$folder/rootfs.tar" ]; then
    mmdebstrap --quiet --variant=minbase --include=ca-certificates \
      --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
      --dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt='path-exclude=/usr/share/info/*' \
      "$debian_release" "$folder/rootfs.new.tar" >&2 || fail "mmdebstrap could not make Debian's root file system." "Reach a Debian mirror (see /etc/apt/sources.list)."
    mv "$folder/rootfs.new.tar" "$folder/rootfs.tar"
  fi
  printf 'FROM scratch\nADD rootfs.tar /\nCMD ["bash"]\n' >"$folder/Dockerfile"
  build_image "$debian_image" "$folder" >/dev/null
  # The Node of this checkout, so that images run what the tests run.
  setup
  own_node=$darkroom_root/node_modules/node/bin/node
  cp "$own_node" "$folder/node/node.bin"
  printf '{"private":true}\n' >"$folder/node/package.json"
  (cd "$folder/node" && npm install --no-audit --no-fund --ignore-scripts --no-save --loglevel=error "npm@$npm_version" >&2 </dev/null)
  cat >"$folder/node/Dockerfile" <<DOCKERFILE
FROM $debian_image
COPY node.bin /usr/local/bin/node
COPY node_modules/npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm && ln -s ../lib/node_modules/npm/bin/npx-cli.js /usr/local/bin/npx && useradd -u 1000 -m node
CMD ["node"]
DOCKERFILE
  build_image "$node_image" "$folder/node" >/dev/null
}

build_cluster_images() {
  local image program
  if [ "$driver" = local ]; then
    build_base_images
    for image in "$pause_image:pause" "$coredns_image:coredns" "$nats_image:nats-server"; do
      program=${image##*:}
      if [ -s "$(archive_of "${image%:*}").id" ] && [ "$(archive_of "${image%:*}").id" -nt "$programs_folder/$program" ]; then continue; fi
      program_image "${image%:*}" "$program"
    done
  else
    program_image "$nats_image" nats-server
  fi
  keep_image "$ingress_image" "$(build_image "$ingress_image" "$cluster_parts/ingress")"
}

# Builds, keeps and, when a cluster runs, loads.
make_image() { # tag, arguments of docker build…
  local tag=$1 id size_mb began=$SECONDS
  shift
  [ $# -ge 1 ] || fail "\"scripts/cluster image $tag\" wants the folder to build from." "For example: scripts/cluster image $tag --target gateway ."
  case $tag in
    *:latest) fail "\"$tag\" would be pulled anew by every pod." "Name a version: ${tag%:*}:1" ;;
    *:*) ;;
    *) fail "\"$tag\" has no version." "For example: $tag:1" ;;
  esac
  driver_require_tools
  id=$(build_image "$tag" "$@")
  keep_image "$tag" "$id"
  size_mb=$(image_size_mb "$tag")
  say "Built $tag in $((SECONDS - began)) s: $size_mb MB."
  [ "$size_mb" -le "${IMAGE_MAX_MB:-$size_mb}" ] || fail "$tag has $size_mb MB, but at most $IMAGE_MAX_MB are wanted (IMAGE_MAX_MB)." "See what grew: its layers in the Dockerfile."
  if cluster_runs; then load_image "$tag"; fi
}

load_image() { # tag or archive
  local archive=$1
  if [ ! -f "$archive" ] && [ "$driver" = local ]; then
    archive=$(archive_of "$1")
    [ -f "$archive" ] || fail "there is no image \"$1\" in the store and no file of that name." "Build it: scripts/cluster image $1 FOLDER"
  fi
  require_ready
  driver_load "$archive"
}

# As the registry's users would have it on disk: all layers, unpacked.
image_size_mb() { # tag
  local bytes
  if [ "$driver" = kind ]; then bytes=$(docker image inspect --format '{{.Size}}' "$1"); else bytes=$(wc -c <"$(archive_of "$1")"); fi
  printf '%s\n' $((bytes / 1000000))
}

list_images() {
  local archive
  for archive in "$store_folder"/*.id; do
    [ -e "$archive" ] || continue
    archive=${archive%.id}
    printf '%-60s %6s  %s\n' "$(basename "$archive" .tar)" "$(du -h "$archive" 2>/dev/null | cut -f1)" "$(cut -c1-19 "$archive.id")"
  done
}
