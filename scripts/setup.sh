# shellcheck shell=bash
# Sourced by the other scripts: brings node_modules to what package-lock.json says and puts the Node that comes with it
# (the npm package "node", 24.x) first on PATH. Runs on bash 3.2 and BSD tools. Says what it does on standard error.

darkroom_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
darkroom_min_node=20
darkroom_tried="linux-x64 with glibc"

say() { printf '%s\n' "$*" >&2; }

fail() {
  printf 'error: %s\n' "$1" >&2
  shift
  for darkroom_line in "$@"; do printf '       %s\n' "$darkroom_line" >&2; done
  exit 1
}

# Colours only where a person looks.
if [ ! -t 1 ] || [ ! -t 2 ]; then
  export NO_COLOR=1
  unset FORCE_COLOR
fi

require_node() {
  command -v node >/dev/null 2>&1 ||
    fail "Node.js is missing: 'node' is not on PATH." \
      "Install Node.js $darkroom_min_node or newer with npm (https://nodejs.org, or your system's package manager) and run this again."
  local version major
  version=$(node -p process.versions.node 2>/dev/null) || version=unknown
  major=${version%%.*}
  case $major in
    '' | *[!0-9]*) fail "'$(command -v node)' does not run (it said its version is '$version')." "Install Node.js $darkroom_min_node or newer." ;;
  esac
  [ "$major" -ge "$darkroom_min_node" ] ||
    fail "Node.js $version is too old: $darkroom_min_node or newer is needed to install ($(command -v node))." \
      "Install a newer one (https://nodejs.org); Darkroom itself then runs on the Node 24 that it brings along."
  command -v npm >/dev/null 2>&1 ||
    fail "npm is missing: 'npm' is not on PATH." \
      "It usually comes with Node.js; on Debian and Ubuntu: 'apt-get install npm'. Then run this again."
}

# Only one script installs at a time; a lock whose owner is gone is taken over.
take_install_lock() {
  local lock=$darkroom_root/.darkroom/install.lock told=no unowned=0 owner
  mkdir -p "$darkroom_root/.darkroom"
  until mkdir "$lock" 2>/dev/null; do
    owner=$(cat "$lock/pid" 2>/dev/null) || owner=
    # Whoever takes the lock writes its process id at once; one that died before that is not waited for.
    if [ -z "$owner" ]; then unowned=$((unowned + 1)); else unowned=0; fi
    if [ "$unowned" -gt 5 ] || { [ -n "$owner" ] && ! kill -0 "$owner" 2>/dev/null; }; then
      rm -rf "$lock"
      continue
    fi
    if [ "$told" = no ]; then
      say "Waiting for another Darkroom script (process ${owner:-unknown}) that is installing the npm packages."
      told=yes
    fi
    sleep 1
  done
  echo $$ >"$lock/pid"
}

drop_install_lock() { rm -rf "$darkroom_root/.darkroom/install.lock"; }

install_packages() {
  say "Installing the npm packages: a download of about 300 MB (770 MB on disk), usually about a minute."
  if ! (cd "$darkroom_root" && npm ci --no-audit --no-fund --loglevel=error >&2 </dev/null); then
    drop_install_lock
    fail "'npm ci' failed; its own words are above." \
      "No network or registry: check 'npm ping' and the proxy settings ('npm config get proxy')." \
      "A damaged cache: 'npm cache verify', then run this again." \
      "No room: about 1 GB is needed in $darkroom_root."
  fi
}

# The package "node" fetches its program in an install script, which npm may have been told not to run.
require_own_node() {
  local own=$darkroom_root/node_modules/node/bin/node
  "$own" --version >/dev/null 2>&1 && return
  say "The npm package 'node' has no program yet; running its install script."
  (cd "$darkroom_root" && npm rebuild node --ignore-scripts=false --foreground-scripts --loglevel=error >&2 </dev/null) || true
  "$own" --version >/dev/null 2>&1 && return
  drop_install_lock
  fail "the npm package 'node' did not install its program ($own)." \
    "npm was probably told not to run install scripts: see 'npm config get ignore-scripts'." \
    "Allow them for this folder with 'npm config set ignore-scripts false --location=project', delete node_modules and run this again." \
    "If npm lists 'node' among the scripts that wait for approval: 'npm approve-scripts node', then the same."
}

warn_untried_platform() {
  [ "$1" = "linux-x64-glibc" ] || say "warning: nobody has tried Darkroom on $1 yet (tried: $darkroom_tried). Please tell us how it went."
}

setup() {
  require_node
  local facts platform state
  facts=$(node "$darkroom_root/scripts/install-state.cjs" "$darkroom_root") || fail "scripts/install-state.cjs failed; its own words are above."
  platform=${facts%% *}
  state=${facts#* }
  warn_untried_platform "$platform"
  if [ "$state" != installed ]; then
    take_install_lock
    # Another script may have installed meanwhile; a hand-made 'npm ci' or 'npm install' counts too.
    state=$(node "$darkroom_root/scripts/install-state.cjs" "$darkroom_root")
    [ "${state#* }" = stale ] && install_packages
    require_own_node
    node "$darkroom_root/scripts/install-state.cjs" "$darkroom_root" stamp >/dev/null
    drop_install_lock
  fi
  PATH=$darkroom_root/node_modules/.bin:$PATH
  export PATH
  hash -r
}
