#!/bin/sh
# Passes what Nix has built to the queue: `post-build-hook = /etc/nix/hook.sh` in nix.conf. Nix waits for this
# script and fails the build if it fails. So the work runs in the background, and the script always succeeds.
# OUT_PATHS has the paths, separated by spaces. Nix 2.8.0 leaves it empty; then the outputs of DRV_PATH are used.
#
# The operator sets here where and for whom it pushes. Whoever asks Nix to build something must not choose that.
: "${EKA_CACHES_JOURNAL:=/var/lib/eka-ci/pushes.sqlite}"
: "${EKA_CACHES_CACHE:=team}"
: "${EKA_CACHES_REPO:=local/builds}"
: "${EKA_CACHES_USER:=eka-ci}"
: "${EKA_CACHES_CONFIG:=/etc/eka-ci/ekaci.toml}"

[ -n "${OUT_PATHS:-}${DRV_PATH:-}" ] || exit 0
built() { if [ -n "${OUT_PATHS:-}" ]; then printf '%s\n' $OUT_PATHS; else nix-store --query --outputs "$DRV_PATH"; fi; }
# The journal belongs to the worker's user, and the hook runs as root.
as_worker() { if [ "$(id -u)" = 0 ]; then runuser -u "$EKA_CACHES_USER" -- "$@"; else "$@"; fi; }
{
  # The output of a hook becomes that of the build; what goes wrong is for the operator.
  built |
    as_worker eka-caches queue add --config "$EKA_CACHES_CONFIG" --journal "$EKA_CACHES_JOURNAL" --cache "$EKA_CACHES_CACHE" --repo "$EKA_CACHES_REPO" 2>&1 |
    logger --tag eka-caches-hook
} </dev/null >/dev/null 2>&1 &
exit 0
