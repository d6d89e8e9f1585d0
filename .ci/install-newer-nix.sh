#!/usr/bin/env bash
# Unpacks the Nix of Debian's unstable into a directory, beside the installed one and without installing anything: `nix` and `nix-store`
# there start it with its own libraries.
set -euo pipefail
directory=$1
mkdir -p "$directory/bin" "$directory/root"
directory=$(cd "$directory" && pwd)
mirror=$(awk '$1 == "URIs:" { print $2; exit } $1 == "deb" { print ($2 ~ /^\[/ ? $3 : $2); exit }' \
  /etc/apt/sources.list.d/*.sources /etc/apt/sources.list 2>/dev/null || true)
debootstrap --variant=minbase --download-only --include=nix-bin sid "$directory/packages" "$mirror" >/dev/null
for package in "$directory"/packages/var/cache/apt/archives/*.deb; do dpkg-deb -x "$package" "$directory/root"; done
rm -rf "$directory/packages"
loader=$(echo "$directory"/root/usr/lib64/ld-linux-*.so.*)
libraries=$(dirname "$(readlink -f "$loader")")
for tool in nix nix-store; do
  printf '#!/bin/sh\nexec "%s" --library-path "%s" --argv0 %s "%s" "$@"\n' \
    "$loader" "$libraries" "$tool" "$directory/root/usr/bin/nix" >"$directory/bin/$tool"
  chmod +x "$directory/bin/$tool"
done
"$directory/bin/nix" --version
