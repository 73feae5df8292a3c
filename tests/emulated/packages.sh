# Sourced by the scripts beside it: Debian packages for an emulated run. What
# cannot be had (no root, no network) ends the script with 77, ctest's "skipped".

skip() {
  echo "SKIPPED: $*"
  exit 77
}

# need PACKAGE...: installs programs of this machine.
need() {
  "$(dirname "${BASH_SOURCE[0]}")/../../tools/setup" "$@" ||
    skip "could not install $*"
}

# private_apt ARCHITECTURE FOLDER COMMAND...: apt with lists and a status of its
# own below FOLDER; it needs no root and changes nothing elsewhere.
private_apt() {
  local architecture=$1 apt=$2/apt
  shift 2
  mkdir -p "$apt"/{lists,cache/archives}/partial
  touch "$apt/status"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]" \
    "http://deb.debian.org/debian bookworm main" >"$apt/sources.list"
  local command=$1
  shift
  "apt-${command%%:*}" -q \
    -o APT::Architecture="$architecture" -o APT::Architectures="$architecture" \
    -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none \
    -o Dir::Etc::SourceList="$apt/sources.list" -o Dir::Etc::SourceParts=- \
    -o Dir::State="$apt" -o Dir::State::status="$apt/status" \
    -o Dir::Cache="$apt/cache" "${command##*:}" "$@"
}

# unpack ARCHITECTURE FOLDER PACKAGE...: unpacks packages below FOLDER, without
# installing them, unless they lie there already. A meta-package stands for the
# first package that it depends on.
unpack() {
  local architecture=$1 folder=$2 name
  shift 2
  [[ $(cat "$folder/unpacked" 2>/dev/null) == "$*" ]] && return
  rm -rf "$folder"
  mkdir -p "$folder/debs"
  private_apt "$architecture" "$folder" get:update >"$folder/log" 2>&1 ||
    skip "no package lists of Debian: $(tail -n 1 "$folder/log")"
  for name in "$@"; do
    [[ $name != linux-image-* ]] ||
      name=$(private_apt "$architecture" "$folder" cache:depends "$name" |
        sed -n 's/.*Depends: //p')
    (cd "$folder/debs" && private_apt "$architecture" "$folder" get:download \
      "$name" >>"$folder/log" 2>&1) ||
      skip "no package $name: $(tail -n 1 "$folder/log")"
  done
  for name in "$folder"/debs/*.deb; do dpkg -x "$name" "$folder"; done
  rm -rf "$folder"/{apt,debs,log}
  echo "$*" >"$folder/unpacked"
}
